"""The shop itself: what happens in it, as an endless stream of events."""

from simulator.shop.catalogue import Catalogue
from simulator.shop.shop import Shop, ShopError, events_per_s

__all__ = ["Catalogue", "Shop", "ShopError", "events_per_s"]
