"""The benchmark of the shop's memory counts orders and bytes."""

import pytest

from benchmarks import simulator_memory


def test_it_counts_orders_and_what_they_take() -> None:
    measured = simulator_memory.measure(orders_per_day=400, filled=1, days=3)
    assert measured["placed_count"] == pytest.approx(1_200, rel=0.15)
    assert 0.8 < measured["under_way_count"] / measured["placed_count"] < 1
    assert 41 < measured["order_in_snapshot_bytes"] < 400
