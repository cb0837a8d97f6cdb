"""How far a query is behind its topic is read from its checkpoint."""

import json

import pytest

from pipelines.streaming import progress


def committed(**offsets: int) -> list[str]:
    return [json.dumps({"shop.payments": {partition[1:]: offset for partition, offset in offsets.items()}})]


@pytest.mark.parametrize(
    ("offsets", "missing"),
    [([], 15), (committed(p0=4), 11), (committed(p0=10, p1=5), 0), (committed(p0=99, p1=4), 1)],
)
def test_records_before_the_end_that_are_not_committed_are_missing(offsets, missing):
    assert progress._missing(offsets, {0: 10, 1: 5}) == missing


def test_waiting_in_vain_names_the_tables_that_are_behind_and_what_to_do():
    told = progress._stuck({"silver.payments": 7, "silver.chargebacks": 0}, 120)
    assert "silver.payments is 7 records behind its topic" in told
    assert "silver.chargebacks" not in told
    assert "jobs/streams/run_all.py" in told
