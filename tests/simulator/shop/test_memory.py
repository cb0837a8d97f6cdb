"""A shop that has been open for long is held in bytes that one can count, in memory and on disk."""

import io
import tracemalloc
from collections.abc import Iterator

from simulator import snapshot
from simulator.event import Event
from simulator.shop import Shop, events_per_s

START = 1_767_571_200_000_000
DAY = 86_400_000_000
ENDS = {"delivered", "cancelled", "unavailable"}
# Some 55 packed; in a shop as quiet as this one, which has few orders in a slot, the slots' own
# objects take as much again, and what is remembered of 4,000 recent orders 60.
BYTES_PER_ORDER = 320
# Where people are made (as named tuples), looked up and remembered.
OF_PEOPLE = ("*/shop/people.py", "<string>", "*/shop/sessions.py", "*/shop/visitors.py")
BYTES_ON_DISK = 130  # 55 packed; the rest is when who has bought, which is bounded, too


def until(events: Iterator[Event], end: int) -> int:
    """Return how many more orders are under way at time `end` than before."""
    more = 0
    for event in events:
        if event.at >= end:
            return more
        if event.topic == "shop.orders":
            more += (event.record["status"] == "placed") - (event.record["status"] in ENDS)
    raise AssertionError("a shop's events never end")


def a_shop() -> Shop:
    """Return a shop of 2,000 orders a day, of whose visits nothing is recorded."""
    return Shop(5, START, events_per_s(2_000, 0.0), clicks_share=0.0, steady=True)


def test_an_order_under_way_takes_a_few_dozen_bytes() -> None:
    """What else grows is what is known of people, up to a number of them (see test_visitors)."""
    events = a_shop().events()
    until(events, START + DAY)
    tracemalloc.start()
    try:
        orders = until(events, START + 2 * DAY)
        taken = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    others = taken.filter_traces([tracemalloc.Filter(False, name) for name in OF_PEOPLE])
    assert sum(trace.size for trace in others.traces) / orders < BYTES_PER_ORDER
    assert orders > 1_500


def test_an_order_under_way_makes_a_snapshot_longer_by_few_bytes() -> None:
    shop = a_shop()
    events = shop.events()
    until(events, START + DAY)
    before = size(shop)
    orders = until(events, START + 2 * DAY)
    assert (size(shop) - before) / orders < BYTES_ON_DISK


def size(shop: Shop) -> int:
    file = io.BytesIO()
    snapshot.dump(shop.snapshot(), file)
    return file.tell()
