"""Long runs of the shop that several tests look at."""

import pytest

from simulator.event import Event
from simulator.shop import Catalogue, Shop

START = 1_767_571_200_000_000  # Monday 2026-01-05 00:00 UTC: no holiday for months
DAY = 86_400_000_000


def events_until(shop: Shop, end: int) -> list[Event]:
    events = []
    for event in shop.events():
        if event.at >= end:
            return events
        events.append(event)
    raise AssertionError("a shop's events never end")


@pytest.fixture(scope="session")
def history() -> list[Event]:
    """Five weeks of about 900 orders a day, without clicks: what training reads."""
    return events_until(Shop(11, START, rate=0.085, clicks_share=0.0), START + 35 * DAY)


@pytest.fixture(scope="session")
def busy() -> list[Event]:
    """Two days with all clicks in a small, steady shop whose stock runs out."""
    shop = Shop(12, START, rate=1.0, catalogue=Catalogue.invented(12, products=150, sellers=15), steady=True)
    return events_until(shop, START + 2 * DAY)
