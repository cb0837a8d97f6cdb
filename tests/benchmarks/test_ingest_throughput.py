"""Kafka to silver beside a plain read."""

import json
from itertools import islice
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from processes import finished

from benchmarks import ingest_throughput
from pipelines.base.settings import Settings


def test_rates_are_medians_and_the_ratio_is_that_of_a_round() -> None:
    found = ingest_throughput.metrics({"raw": [100.0, 400.0, 200.0], "silver": [50.0, 100.0, 80.0]})
    assert (found["raw_read_rows_per_s"], found["silver_rows_per_s"], found["ratio"]) == (200.0, 80.0, 0.4)


def test_the_backlog_repeats_clicks_of_the_shop_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_throughput, "DIFFERENT", 50)
    found = list(islice(ingest_throughput._clicks("shop.clicks"), 100))
    assert {click.topic for click in found} == {"shop.clicks"}
    assert len({click.record["event_id"] for click in found}) == 50


SMALL = """
from pathlib import Path
from benchmarks import ingest_throughput, receipt
ingest_throughput.ROWS, ingest_throughput.DIFFERENT, ingest_throughput.ROUNDS = 5_000, 500, 1
receipt.RECEIPTS = Path({folder!r})
ingest_throughput.main()
"""


@pytest.mark.integration
def test_a_small_run_measures_both_and_leaves_nothing_behind(local_stack: Settings, tmp_path: Path) -> None:
    finished("jobs/tasks/register_contracts.py")
    finished("-c", SMALL.format(folder=str(tmp_path)))
    found = json.loads((tmp_path / "ingest_throughput.json").read_text())["metrics"]
    assert found["rows_count"] == 5_000
    assert found["raw_read_rows_per_s"] > 0
    assert found["ratio"] == pytest.approx(found["silver_rows_per_s"] / found["raw_read_rows_per_s"], abs=1e-3)
    left = AdminClient({"bootstrap.servers": local_stack.kafka.bootstrap_servers}).list_topics(timeout=10).topics
    assert [topic for topic in left if topic.startswith("benchmark")] == []
    assert not list(Path(local_stack.checkpoints.path).glob("benchmark*"))
