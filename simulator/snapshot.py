"""Keeps the shop between two runs, so that the next one goes on where this one stopped."""

import json
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.settings import located, settings
from simulator.event import Event
from simulator.pace import Events
from simulator.shop import Catalogue, Shop


class OpenShop(NamedTuple):
    """A shop, its stream of events, and the simulated time from which it is open."""

    shop: Shop
    events: Events
    start: int


def path() -> Path:
    """Return where the snapshot lies: `<state>/simulator/snapshot.json`."""
    return Path(located(settings().state)) / "simulator" / "snapshot.json"


def take(seed: int) -> dict[str, Any] | None:
    """Return the shop that was kept for this seed, if any, and forget it.

    Forgotten at once, because a shop taken up twice would give the same ids to different events.
    """
    file = path()
    if not file.is_file():
        return None
    kept: dict[str, Any] = json.loads(file.read_text())
    file.unlink()
    return kept if kept["shop"]["terms"]["seed"] == seed else None


def keep(open_shop: OpenShop) -> None:
    """Keep the shop and what it has told but nobody sent; a reader never sees half a file."""
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"shop": open_shop.shop.snapshot(), "unsent": open_shop.events.unsent}))
    fresh.replace(file)


def opened(seed: int, start: int, rate: float, catalogue: Catalogue | None, steady: bool = False) -> OpenShop:
    """Return the shop that was kept, closed until `start`, or a new one that opens then."""
    kept = take(seed)
    return _reopened(kept, start, rate, catalogue, steady) if kept else new(seed, start, rate, catalogue, steady=steady)


def new(
    seed: int, start: int, rate: float, catalogue: Catalogue | None, clicks_share: float = 1.0, steady: bool = False
) -> OpenShop:
    """Return a shop that opens at `start`."""
    shop = Shop(seed, start, rate, catalogue, steady=steady, clicks_share=clicks_share)
    return OpenShop(shop, Events(shop.events()), start)


def _reopened(kept: dict[str, Any], start: int, rate: float, catalogue: Catalogue | None, steady: bool) -> OpenShop:
    start = max(start, kept["shop"]["world"]["now"])
    shop = Shop.restore(kept["shop"], start=start, rate=rate, steady=steady, clicks_share=1.0, catalogue=catalogue)
    unsent = (Event(*fields) for fields in reversed(kept["unsent"]))
    return OpenShop(shop, Events(chain(unsent, shop.events())), start)
