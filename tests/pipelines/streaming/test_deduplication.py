"""Deduplication drops copies inside the horizon of arrival, and nothing else: no row is ever late
to it.
"""

import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from number_tables import run
from pyspark.sql import DataFrame, SparkSession

from pipelines.base.settings import settings
from pipelines.silver import reviews
from pipelines.streaming.reads import deduplicate

TYPES = "event_id string, kafka_partition int, kafka_offset bigint, kafka_at timestamp"
HORIZON = timedelta(minutes=10)
Row = tuple[str, int, int, datetime]


def arriving(prefix: str, count: int, partition: int, at: datetime) -> list[Row]:
    """Return rows of events of their own, which arrived a millisecond after each other."""
    return [(f"{prefix}{n}", partition, n, at + timedelta(milliseconds=n)) for n in range(count)]


class Stream:
    """Batches of rows, and the query that deduplicates them in its checkpoint."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.batches = spark, folder, 0
        self.checkpoint = folder / "checkpoints" / reviews.TABLE.name
        (folder / "rows").mkdir()

    def add(self, rows: Sequence[Row]) -> None:
        """Have the next batch be these rows."""
        written = self.folder / "written"
        self.spark.createDataFrame(rows, TYPES).coalesce(1).write.mode("overwrite").parquet(str(written))
        (file,) = written.glob("*.parquet")
        self.batches += 1
        target = self.folder / "rows" / f"{self.batches}.parquet"
        file.rename(target)
        os.utime(target, (self.batches, self.batches))  # the order of batches

    def run(self, how: Callable[[DataFrame], DataFrame] = lambda rows: deduplicate(rows, reviews.TABLE)) -> list[str]:
        """Deduplicate what was added, and return all that has come out so far."""
        rows = self.spark.readStream.schema(TYPES).option("maxFilesPerTrigger", 1).parquet(str(self.folder / "rows"))
        out = how(rows).writeStream.format("parquet").option("path", str(self.folder / "out"))
        run(out.option("checkpointLocation", str(self.checkpoint)).start())
        return sorted(row["event_id"] for row in self.spark.read.parquet(str(self.folder / "out")).collect())


@pytest.fixture
def stream(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Stream:
    monkeypatch.setenv(f"TIDEMARK_STREAMS__{reviews.TABLE.name.upper()}__HORIZON", "10 minutes")
    settings.cache_clear()
    return Stream(spark, own_settings)


def now() -> datetime:
    return datetime.now(UTC)


def test_a_partition_whose_past_is_older_loses_no_row(stream: Stream) -> None:
    for part in range(4):
        newer, older = now() - timedelta(hours=1), now() - timedelta(hours=2)
        stream.add([*arriving(f"a{part}-", 50, 0, newer), *arriving(f"b{part}-", 50, 1, older)])
    assert len(set(stream.run())) == 400


def test_ids_are_forgotten_after_twice_the_horizon(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TIDEMARK_STREAMS__{reviews.TABLE.name.upper()}__HORIZON", "1 millisecond")
    settings.cache_clear()
    stream.add(arriving("a", 1, 0, now()))
    stream.run()
    for name in ("b", "c", "a"):
        stream.add(arriving(name, 1, 0, now()))
    assert stream.run() == ["a0", "a0", "b0", "c0"]


def test_copies_within_the_horizon_are_dropped(stream: Stream) -> None:
    begun = now() - timedelta(hours=5)
    stream.add(arriving("a", 5, 0, begun))
    stream.add(arriving("a", 5, 0, begun + HORIZON / 2))
    stream.add(arriving("b", 1, 0, now()))
    assert stream.run() == ["a0", "a1", "a2", "a3", "a4", "b0"]


def test_copies_on_both_sides_of_a_long_stop_are_dropped(stream: Stream) -> None:
    begun = now() - timedelta(hours=5)
    stream.add(arriving("a", 2, 0, begun))
    stream.run()
    stream.add(arriving("b", 2, 0, begun + HORIZON / 4))
    stream.add(arriving("a", 2, 0, begun + HORIZON / 2))
    assert stream.run() == ["a0", "a1", "b0", "b1"]


def test_rows_after_a_broker_s_clock_was_ahead_are_kept(stream: Stream) -> None:
    stream.add(arriving("ahead", 3, 0, now() + timedelta(hours=3)))
    for batch in range(3):
        stream.add(arriving(f"right{batch}-", 3, 0, now()))
    assert len(stream.run()) == 12


def test_rows_after_this_machine_s_clock_was_ahead_are_kept(stream: Stream) -> None:
    stream.add(arriving("a", 3, 0, now()))
    stream.run()
    ahead_ms = int((now() + timedelta(hours=3)).timestamp() * 1000)
    for log, key in {"offsets": "batchTimestampMs", "commits": "nextBatchWatermarkMs"}.items():
        newest = max((stream.checkpoint / log).glob("[0-9]*"), key=lambda path: int(path.name))
        version, metadata, *rest = newest.read_text().splitlines()
        found = {**json.loads(metadata), key: ahead_ms - (600_000 if log == "commits" else 0)}
        newest.write_text("\n".join([version, json.dumps(found), *rest]))
        (newest.parent / f".{newest.name}.crc").unlink()
    stream.add(arriving("b", 3, 0, now()))
    stream.add(arriving("c", 3, 0, now()))
    assert len(stream.run()) == 9
    stream.add(arriving("d", 3, 0, now()))
    assert len(stream.run()) == 12


def test_a_checkpoint_of_before_goes_on_and_knows_its_ids(stream: Stream) -> None:
    stream.add(arriving("a", 3, 0, now()))
    stream.run(lambda rows: rows.withWatermark("kafka_at", "10 minutes").dropDuplicatesWithinWatermark(["event_id"]))
    stream.add([*arriving("a", 3, 0, now()), *arriving("b", 3, 1, now() - timedelta(hours=1))])
    assert stream.run() == ["a0", "a1", "a2", "b0", "b1", "b2"]


def compiled(spark: SparkSession) -> int:
    """Return how often Spark has compiled code so far."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    return int(jvm.org.apache.spark.metrics.source.CodegenMetrics.METRIC_COMPILATION_TIME().getCount())


def test_a_batch_runs_the_code_of_those_before_it(spark: SparkSession, stream: Stream) -> None:
    def compilations(batches: int) -> int:
        for _ in range(batches):
            stream.add(arriving(f"{stream.batches}-", 5, 0, now()))
        before = compiled(spark)
        stream.run()
        return compiled(spark) - before

    compilations(3)
    # By the watermark, another one in every batch, ids are forgotten: a few lines of their own.
    assert compilations(10) - compilations(5) == 5
