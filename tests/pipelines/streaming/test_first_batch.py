"""A query that begins when the first snapshots of a table are gone reads all of it once, and goes
on behind it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import a_click, a_contract, an_order, framed, kafka_records
from number_tables import LATE, NUMBERS, Numbers, drop, environment, run
from pyspark.sql import SparkSession

from jobs.streams import aggregate
from pipelines.base.errors import CheckpointError
from pipelines.base.settings import settings
from pipelines.gold import business_metrics
from pipelines.lake import catalog, compaction, iceberg
from pipelines.silver import clicks, orders
from pipelines.silver.refining import refine
from pipelines.streaming import first_batch, snapshot_expiry
from pipelines.table import Table


@pytest.fixture
def numbers(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    """Five numbers in a table whose first snapshots are gone, and in which a compaction is."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(f"TIDEMARK_STREAMS__{LATE.name.upper()}__ROWS_PER_BATCH", "4")
    monkeypatch.setattr(snapshot_expiry, "KEPT_AT_LEAST", 1)
    settings.cache_clear()
    drop(spark)
    made = Numbers(spark, own_settings / "numbers")
    made.write(3)
    made.compact()
    made.write(2)
    made.forget()
    yield made
    drop(spark)


def test_it_reads_all_of_it_once_and_goes_on_with_its_own_rows_per_batch(numbers: Numbers) -> None:
    assert numbers.snapshots() == 1
    assert numbers.read(LATE) == [0, 1, 2, 3, 4]
    numbers.write(6)
    assert numbers.read(LATE) == list(range(11))
    offsets = Path(settings().checkpoints.path) / LATE.name / "offsets"
    assert sorted(file.name for file in offsets.glob("[0-9]*")) == ["0", "1", "2"], "the five, then four, then two"


def test_killed_before_its_first_batch_it_begins_where_it_would_have(numbers: Numbers) -> None:
    assert first_batch.rows_in_one_batch(numbers.spark, NUMBERS, LATE) == 5
    numbers.write(2)
    numbers.compact()
    numbers.forget()
    assert first_batch.rows_in_one_batch(numbers.spark, NUMBERS, LATE) == 5
    assert numbers.read(LATE) == [0, 1, 2, 3, 4, 5, 6]


def test_a_compaction_that_comes_in_between_is_noticed(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite, compactions = compaction.rewrite_manifests, iter((numbers.compact,))

    def rewrite_and_be_overtaken(spark: SparkSession, table: Table) -> None:
        rewrite(spark, table)
        next(compactions, lambda: None)()

    monkeypatch.setattr(compaction, "rewrite_manifests", rewrite_and_be_overtaken)
    assert numbers.read(LATE) == [0, 1, 2, 3, 4]


def test_more_rows_than_one_batch_can_take_are_refused(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_batch, "LARGEST_BATCH", 4)
    with pytest.raises(CheckpointError, match=r"silver\.numbers has 5 rows and gold\.late would have to begin with all"):
        numbers.read(LATE)


def test_it_does_not_begin_while_compactions_never_end(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_batch, "ATTEMPTS", 0)
    with pytest.raises(CheckpointError, match=r"silver\.numbers is being compacted again and again"):
        numbers.read(LATE)


def test_a_query_of_two_tables_is_told_where_it_begins_in_each(
    spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TIDEMARK_STREAMS__{business_metrics.TABLE.name.upper()}__TRIGGER", "0 seconds")
    settings.cache_clear()
    tables = (orders.TABLE, clicks.TABLE, business_metrics.TABLE)
    drop(spark, tables)
    for module, event in ((orders, an_order()), (clicks, a_click())):
        topic = str(module.TABLE.topic)
        catalog.ensure(spark, module.TABLE)
        for copy in range(2):
            record = kafka_records(spark, topic, [framed(topic, {**event, "event_id": f"e{copy}"})])
            refine(record, a_contract(topic), module).writeTo(module.TABLE.name).append()
        last = iceberg.loaded(spark, module.TABLE)
        last.expireSnapshots().expireOlderThan(last.currentSnapshot().timestampMillis()).retainLast(1).commit()
    run(aggregate.start(spark, business_metrics))
    [minute] = catalog.fresh(spark, business_metrics.TABLE).collect()
    assert (minute["orders"], minute["sessions"]) == (2, 2)
    drop(spark, tables)
