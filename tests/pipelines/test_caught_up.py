"""How far a query is behind its topic is read from its checkpoint."""

import json

import pytest

from pipelines import caught_up
from pipelines.errors import ServiceUnreachable
from pipelines.settings import Kafka


def committed(**offsets: int) -> list[str]:
    return [json.dumps({"shop.payments": {partition[1:]: offset for partition, offset in offsets.items()}})]


@pytest.mark.parametrize(
    ("offsets", "missing"),
    [([], 15), (committed(p0=4), 11), (committed(p0=10, p1=5), 0), (committed(p0=99, p1=4), 1)],
)
def test_records_before_the_end_that_are_not_committed_are_missing(offsets, missing):
    assert caught_up._missing(offsets, {0: 10, 1: 5}) == missing


def test_waiting_in_vain_names_the_tables_that_are_behind_and_what_to_do():
    told = caught_up._stuck({"silver.payments": 7, "silver.chargebacks": 0}, 120)
    assert "silver.payments is 7 records behind its topic" in told
    assert "silver.chargebacks" not in told
    assert "jobs/run_all.py" in told


def test_without_a_broker_the_end_of_a_topic_is_an_error_in_words(monkeypatch):
    monkeypatch.setattr(caught_up, "TIMEOUT_S", 0.2)
    nowhere = Kafka(bootstrap_servers="127.0.0.1:9", partitions=1, replication_factor=1, retention_hours=1)
    with pytest.raises(ServiceUnreachable, match=r"no Kafka broker answers at 127\.0\.0\.1:9"):
        caught_up.end_offsets(nowhere, "shop.payments")
