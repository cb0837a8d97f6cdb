"""A checkpoint and its table belong together: a lost, foreign or reused one is refused in a
sentence.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import NOON, a_review, kafka_records
from pyspark.sql import SparkSession

from pipelines.base.errors import CheckpointError, SettingsError
from pipelines.base.settings import settings
from pipelines.bronze import events
from pipelines.lake import catalog
from pipelines.operations import repair
from pipelines.silver import quarantine, reviews
from pipelines.streaming.checkpoints import OWNER, START, Checkpoint, TableCheckpoint, TopicCheckpoint
from pipelines.streaming.commits import ArrowCommits
from pipelines.streaming.offsets import TopicOffsets
from pipelines.streaming.writes import append


@pytest.fixture
def folder(spark: SparkSession, own_settings: Path) -> Iterator[Path]:
    """The checkpoint folder of silver.reviews, whose table is new."""
    catalog.ensure(spark, reviews.TABLE)
    yield own_settings / "checkpoints" / "silver.reviews"
    for table in (reviews.TABLE, events.TABLE, quarantine.TABLE):
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")


def test_a_new_table_claims_its_checkpoint_and_finds_it_again(spark: SparkSession, folder: Path) -> None:
    first = TableCheckpoint(spark, reviews.TABLE).claim()
    (folder / "offsets").mkdir()
    assert TableCheckpoint(spark, reviews.TABLE).claim() == first == str(folder)
    owner = catalog.property_of(spark, reviews.TABLE, OWNER)
    assert json.loads((folder / "metadata").read_text()) == {"id": owner}


def test_a_checkpoint_that_was_used_before_the_table_existed_is_refused(spark: SparkSession, folder: Path) -> None:
    (folder / "offsets").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"belongs to another table than silver\.reviews"):
        TableCheckpoint(spark, reviews.TABLE).claim()


def test_a_checkpoint_of_another_query_is_refused(spark: SparkSession, folder: Path) -> None:
    TableCheckpoint(spark, reviews.TABLE).claim()
    Checkpoint(spark, reviews.TABLE.name).write("metadata", json.dumps({"id": "someone-else"}))
    with pytest.raises(CheckpointError, match="belongs to another query"):
        TableCheckpoint(spark, reviews.TABLE).claim()


def test_a_lost_checkpoint_is_refused_until_recovered(spark: SparkSession, folder: Path) -> None:
    TableCheckpoint(spark, reviews.TABLE).claim()
    row = {**a_review(), "kafka_partition": 1, "kafka_offset": 41, "kafka_at": NOON}
    fields = ", ".join(f"{column.name} {column.type}" for column in reviews.TABLE.columns)
    values = [tuple(row[column.name] for column in reviews.TABLE.columns)]
    spark.createDataFrame(values, fields).writeTo(reviews.TABLE.name).append()
    shutil.rmtree(folder)

    with pytest.raises(CheckpointError, match=r"is lost.*make recover TABLE=silver\.reviews"):
        TableCheckpoint(spark, reviews.TABLE).claim()

    repair.forget_checkpoint(spark, reviews.TABLE)
    TableCheckpoint(spark, reviews.TABLE).claim()
    assert catalog.property_of(spark, reviews.TABLE, START) == '{"shop.reviews": {"1": 42}}'


def append_stream(spark: SparkSession, arrived: Path, *event_ids: str) -> None:
    """Append a review for each event id through the query of silver.reviews."""
    rows = [{**a_review(event_id=name), "kafka_partition": 0, "kafka_offset": 0, "kafka_at": NOON} for name in event_ids]
    fields = ", ".join(f"{column.name} {column.type}" for column in reviews.TABLE.columns)
    values = [tuple(row[column.name] for column in reviews.TABLE.columns) for row in rows]
    spark.createDataFrame(values, fields).write.mode("append").parquet(str(arrived))
    query = append(spark.readStream.schema(fields).parquet(str(arrived)), reviews.TABLE)
    try:
        query.processAllAvailable()
    finally:
        query.stop()


def test_a_checkpoint_without_its_offsets_is_lost_and_recovering_it_loses_no_row(
    spark: SparkSession, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMARK_STREAMS__SILVER.REVIEWS__TRIGGER", "0 seconds")
    settings.cache_clear()
    append_stream(spark, tmp_path / "before", "e1")
    shutil.rmtree(folder / "offsets")

    with pytest.raises(CheckpointError, match=r"is lost.*make recover TABLE=silver\.reviews"):
        TableCheckpoint(spark, reviews.TABLE).claim()

    repair.forget_checkpoint(spark, reviews.TABLE)
    assert not folder.exists()
    append_stream(spark, tmp_path / "after", "e2")
    assert {row["event_id"] for row in spark.table(reviews.TABLE.name).collect()} == {"e1", "e2"}


def test_recovering_keeps_a_checkpoint_that_is_there(spark: SparkSession, folder: Path) -> None:
    TableCheckpoint(spark, reviews.TABLE).claim()
    (folder / "offsets").mkdir()
    with pytest.raises(CheckpointError, match="is there and is kept"):
        repair.forget_checkpoint(spark, reviews.TABLE)


def test_an_empty_table_has_nothing_to_go_on_from(spark: SparkSession, folder: Path) -> None:
    with pytest.raises(SettingsError, match="has no rows to go on from"):
        repair.forget_checkpoint(spark, reviews.TABLE)


def test_bronze_goes_on_behind_its_last_record_and_quarantine_starts_over(spark: SparkSession, folder: Path) -> None:
    catalog.ensure(spark, events.TABLE)
    events.keep(kafka_records(spark, "shop.orders", [b"x", None], offset=3)).writeTo(events.TABLE.name).append()
    assert '{"shop.orders": {"0": 5}}' in repair.forget_checkpoint(spark, events.TABLE)
    assert "from the beginning of bronze" in repair.forget_checkpoint(spark, quarantine.TABLE)


def test_committed_offsets_are_those_of_the_last_committed_batch(spark: SparkSession, folder: Path) -> None:
    assert Checkpoint(spark, "silver.reviews").committed() == ArrowCommits("silver.reviews").committed() == []
    for name, batches in (("commits", (8, 9)), ("offsets", (8, 9, 10))):
        (folder / name).mkdir(parents=True)
        for batch in batches:
            (folder / name / str(batch)).write_text(f'v1\n{{}}\n{{"shop.reviews":{{"0":{batch}}}}}')
    for commits in (Checkpoint(spark, "silver.reviews"), ArrowCommits("silver.reviews")):
        assert commits.committed() == [TopicOffsets({"shop.reviews": {0: 9}})]
        assert commits.committed_of("shop.reviews") == {0: 9}


def test_a_column_of_another_type_is_refused_and_a_new_one_is_added(spark: SparkSession, folder: Path) -> None:
    spark.sql("ALTER TABLE silver.reviews DROP COLUMN title")
    catalog.ensure(spark, reviews.TABLE)
    assert "title" in spark.table("silver.reviews").columns
    spark.sql("ALTER TABLE silver.reviews DROP COLUMN title")
    spark.sql("ALTER TABLE silver.reviews ADD COLUMN title double")
    with pytest.raises(SettingsError, match=r"title of silver\.reviews is double in the catalogue and string in the code"):
        catalog.ensure(spark, reviews.TABLE)


def test_a_query_that_has_written_to_its_topic_needs_its_checkpoint(spark: SparkSession, own_settings: Path) -> None:
    query = "tidemark.fraud_scores"
    TopicCheckpoint(spark, query, written=0).claim()
    with pytest.raises(CheckpointError, match=r"is lost.*make recover TABLE=tidemark\.fraud_scores"):
        TopicCheckpoint(spark, query, written=7).claim()
    offsets = own_settings / "checkpoints" / query / "offsets"
    offsets.mkdir(parents=True)
    (offsets / "0").write_text("v1")
    TopicCheckpoint(spark, query, written=7).begin()
    TopicCheckpoint(spark, query, written=7).claim()
    assert not offsets.exists()


def test_a_query_that_has_written_to_its_topic_needs_its_offsets_too(spark: SparkSession, own_settings: Path) -> None:
    query = "tidemark.fraud_scores"
    TopicCheckpoint(spark, query, written=7).begin()
    offsets = own_settings / "checkpoints" / query / "offsets"
    offsets.mkdir()
    (offsets / "0").write_text("v1\n{}\n{}")
    TopicCheckpoint(spark, query, written=8).claim()
    assert not TopicCheckpoint(spark, query, written=8).is_lost()
    shutil.rmtree(offsets)
    with pytest.raises(CheckpointError, match=r"is lost.*make recover TABLE=tidemark\.fraud_scores"):
        TopicCheckpoint(spark, query, written=8).claim()
