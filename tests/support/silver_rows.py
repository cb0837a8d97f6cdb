"""Rows of silver tables, made of built events: as a frame, or appended to the table."""

from typing import Any

from builders import NOON
from pyspark.sql import DataFrame, SparkSession

from pipelines.lake import catalog
from pipelines.table import Table

Event = dict[str, Any]


def silver(spark: SparkSession, table: Table, *events: Event) -> DataFrame:
    """Return events as rows of a silver table, without their places in Kafka."""
    fields = [column for column in table.columns if not column.name.startswith("kafka_")]
    schema = ", ".join(f"{column.name} {column.type}" for column in fields)
    return spark.createDataFrame([tuple(event[column.name] for column in fields) for event in events], schema)


def append(spark: SparkSession, table: Table, *events: Event) -> None:
    """Append events to a silver table, one offset after the other."""
    rows = [{**event, "kafka_partition": 0, "kafka_offset": n, "kafka_at": NOON} for n, event in enumerate(events)]
    values = [tuple(row[column.name] for column in table.columns) for row in rows]
    schema = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    spark.createDataFrame(values, schema).writeTo(table.name).append()


def rows(spark: SparkSession, table: Table) -> list[str]:
    """Return what a table holds, as texts in order."""
    return sorted(map(str, catalog.fresh(spark, table).collect()))
