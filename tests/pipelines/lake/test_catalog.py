"""The catalogue: tables are made as the code describes them, and compaction changes files, not
rows.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import number_tables
import pytest
from builders import a_score, at
from number_tables import run
from pyspark.sql import SparkSession

from jobs.streams import aggregate
from pipelines.base.errors import SettingsError
from pipelines.base.settings import settings
from pipelines.gold import fraud_scores, stock_levels
from pipelines.lake import catalog
from pipelines.silver import fraud_scores as scores
from pipelines.streaming.writes import append
from pipelines.table import Column, Table
from pipelines.tables import TABLES

COLUMNS = (
    "product_id string, seller_id string, on_hand bigint, sold bigint, last_movement_at timestamp, last_restock_at timestamp"
)


KINDS = {"number": "int", "word": "string", "last": "int"}


@pytest.fixture
def levels(spark: SparkSession, own_settings: Path) -> Iterator[Table]:
    catalog.ensure(spark, stock_levels.TABLE)
    yield stock_levels.TABLE
    spark.sql(f"DROP TABLE IF EXISTS {stock_levels.TABLE.name}")


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_is_made_with_its_columns_and_sentences(spark: SparkSession, own_settings: Path, name: str) -> None:
    table = TABLES[name]
    catalog.ensure(spark, table)
    found = {row["col_name"]: row["comment"] for row in spark.sql(f"DESCRIBE TABLE {name}").collect()}
    assert {column.name: column.meaning for column in table.columns}.items() <= found.items()
    required = {field.name for field in spark.table(name).schema.fields if not field.nullable}
    assert required == {column.name for column in table.columns if column.required}
    catalog.ensure(spark, table)
    spark.sql(f"DROP TABLE {name}")


def logged(spark: SparkSession, name: str) -> None:
    """Append a score, with as many of its fields as the table has columns."""
    score = {**a_score(event_id=name, payment_id=name, challenger_version="2", challenger_decision="review")}
    row = {**score, "kafka_partition": 0, "kafka_offset": 0, "kafka_at": at(0)}
    table = spark.table(scores.TABLE.name)
    spark.createDataFrame([tuple(row[column] for column in table.columns)], table.schema).writeTo(scores.TABLE.name).append()


def test_a_query_goes_on_over_tables_that_get_a_new_column(
    spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        for module in (scores, fraud_scores):
            known = tuple(column for column in module.TABLE.columns if column.name not in ("challenger_decision", "late"))
            before.setattr(module, "TABLE", replace(module.TABLE, columns=known))
        catalog.ensure(spark, scores.TABLE)
        logged(spark, "old")
        run(aggregate.start(spark, fraud_scores))
    catalog.ensure(spark, scores.TABLE)
    logged(spark, "new")
    run(aggregate.start(spark, fraud_scores))
    rows = catalog.fresh(spark, fraud_scores.TABLE).select("payment_id", "challenger_version", "challenger_decision").collect()
    assert sorted(map(tuple, rows)) == [("new", "2", "review"), ("old", "2", None)]
    for table in (fraud_scores.TABLE, scores.TABLE):
        spark.sql(f"DROP TABLE {table.name}")


def test_a_stream_goes_on_into_a_table_that_gets_a_column_before_its_last_one(
    spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in number_tables.environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    number, word, last = (Column(name, kind, "A column.", required=False) for name, kind in KINDS.items())
    before, after = (replace(number_tables.NUMBERS, columns=columns) for columns in ((number, last), (number, word, last)))
    files = own_settings / "files"
    files.mkdir()
    for written, table in enumerate((before, after)):
        (files / str(written)).write_text(str(written))
        read = spark.readStream.text(str(files)).selectExpr(
            *(f"CAST(value AS {kind}) AS {name}" for name, kind in KINDS.items())
        )
        run(append(read.select(*table.column_names), table))
    rows = catalog.fresh(spark, after).select(*after.column_names).collect()
    assert sorted(map(tuple, rows)) == [(0, None, 0), (1, "1", 1)]
    spark.sql(f"DROP TABLE {after.name}")


def test_a_column_that_somebody_has_renamed_is_asked_back_and_not_made_anew(spark: SparkSession, levels: Table) -> None:
    spark.sql(f"ALTER TABLE {levels.name} RENAME COLUMN product_id TO sku")
    with pytest.raises(SettingsError, match=r"Column product_id of gold\.stock_levels is gone, renamed perhaps to sku: give"):
        catalog.ensure(spark, levels)
    spark.sql(f"ALTER TABLE {levels.name} RENAME COLUMN sku TO product_id")
    catalog.ensure(spark, levels)
    assert spark.table(levels.name).columns == levels.column_names
