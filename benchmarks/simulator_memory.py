"""How many bytes an order under way takes in a simulated shop, in its memory and in its snapshot.

Pure Python, without services. The first days, in which the shop fills what it remembers of people
up to a number, are not counted.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from benchmarks.receipt import write
from simulator import snapshot
from simulator.event import Event
from simulator.shop import Shop, events_per_s

ORDERS_PER_DAY, FILLED, DAYS = 60_000, 3, 7
START = 1_760_000_000_000_000
DAY = 86_400_000_000
ENDS = ("delivered", "cancelled", "unavailable")


class Size(NamedTuple):
    """What a shop holds, and in how many bytes."""

    placed: int
    under_way: int
    memory: int
    snapshot: int


def main() -> None:
    """Measure and write the receipt."""
    write("simulator_memory", {"orders_per_day": ORDERS_PER_DAY, "days": DAYS}, measure())


def measure(orders_per_day: int = ORDERS_PER_DAY, filled: int = FILLED, days: int = DAYS) -> dict[str, float]:
    """Return bytes per order under way, from day `filled` to day `days` of a shop of so many orders
    a day.
    """
    shop = Shop(7, START, events_per_s(orders_per_day, 0.0), clicks_share=0.0, steady=True)
    events = shop.events()
    before = _size(shop, _orders(events, START + filled * DAY))
    after = _size(shop, _orders(events, START + days * DAY))
    return {
        "order_bytes": (after.memory - before.memory) / after.under_way,
        "order_in_snapshot_bytes": (after.snapshot - before.snapshot) / after.under_way,
        "placed_count": float(before.placed + after.placed),
        "under_way_count": float(before.under_way + after.under_way),
    }


def _orders(events: Iterator[Event], end: int) -> tuple[int, int]:
    """Return how many orders are placed, and how many more are under way, until time `end`."""
    placed = ended = 0
    for event in events:
        if event.at >= end:
            break
        if event.topic == "shop.orders":
            placed += event.record["status"] == "placed"
            ended += event.record["status"] in ENDS
    return placed, placed - ended


def _size(shop: Shop, orders: tuple[int, int]) -> Size:
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    with TemporaryFile() as file:
        snapshot.dump(shop.snapshot(), file)
        return Size(*orders, resident, file.tell())
