"""Recomputes gold tables from all of silver: corrects what came later than a stream's lateness."""

from pyspark.sql import DataFrame, SparkSession

from pipelines.gold.aggregating import Gold, aggregate
from pipelines.lake import catalog
from pipelines.lake.merge import merge_into
from pipelines.silver.refining import once_each
from pipelines.streaming.reads import lateness


def recomputed(spark: SparkSession, gold: Gold) -> DataFrame:
    """Return a gold table's rows as all of silver gives them, each event counted once."""
    return aggregate(gold, lambda silver: once_each(spark.table(silver)), lateness)


def recompute(spark: SparkSession, gold: Gold) -> None:
    """Merge the recomputed rows into the table."""
    # Computed before it is merged: Spark cannot plan a MERGE whose source has a watermark.
    rows = recomputed(spark, gold).localCheckpoint()
    catalog.ensure(spark, gold.TABLE)
    merge_into(rows, gold.TABLE)
