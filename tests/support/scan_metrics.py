"""What Spark has read of an Iceberg table for a question."""

from typing import Any

from pyspark.sql import DataFrame


def scanned(rows: DataFrame, metric: str) -> int:
    """Read the rows, and return a metric of the scan: resultDataFiles, or numOutputRows before any
    filter of Spark's.
    """
    rows.collect()
    plan: Any = rows
    return int(plan._jdf.queryExecution().executedPlan().collectLeaves().apply(0).metrics().apply(metric).value())
