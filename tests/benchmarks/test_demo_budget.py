"""What the demo takes is told by program and by query, from two looks and what ran between them."""

import pytest

from benchmarks import receipt
from benchmarks.demo_budget import PLANNER, Look, metrics

BEFORE = Look(100.0, {"streams": 50.0, "trino": 10.0}, {"silver.orders": 3.0}, {"silver.orders": 9, "gold.orders": 4})
AFTER = Look(
    160.0,
    {"streams": 110.0, "trino": 16.0, "api": 3.0},
    {"silver.orders": 6.0, "gold.orders": 1.0},
    {"silver.orders": 39, "gold.orders": 4, "silver.reviews": 0},
)


def test_cores_and_batches_are_those_between_the_looks() -> None:
    found = metrics(BEFORE, AFTER, {"silver.orders": 3.0, "upkeep": 9.0})
    assert found["total_cores"] == pytest.approx(1.0 + 0.1 + 0.05)
    assert found["streams_cores"] == pytest.approx(1.0)
    assert found["batches_per_min"] == 31
    assert (found["silver_orders_batches_per_min"], found["silver_orders_cpu_s_per_batch"]) == (30, 0.2)
    assert found["gold_orders_batches_per_min"] == found["gold_orders_cpu_s_per_batch"] == 0
    assert found["silver_reviews_batches_per_min"] == 1


def test_every_figure_says_its_unit() -> None:
    for name in metrics(BEFORE, AFTER, {}):
        assert name.endswith(receipt.UNITS), name


def test_a_planner_is_found_by_its_query_in_a_thread_dump() -> None:
    line = (
        '"stream execution thread for gold.orders [id = 1f, runId = 2e]" #99 daemon prio=10 os_prio=0 '
        'cpu=4530.25ms elapsed=91.26s tid=0x1 nid=0x2 waiting on condition  [0x3]\n"main" #1 prio=5 cpu=7.00ms\n'
    )
    assert PLANNER.findall(line) == [("gold.orders", "4530.25")]
