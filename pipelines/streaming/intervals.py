"""Intervals as settings write them, such as "10 minutes", which Spark understands."""

from pyspark.sql import SparkSession


def milliseconds(spark: SparkSession, interval: str) -> int:
    """Return how long an interval is."""
    (found,) = spark.sql(f"SELECT unix_millis(timestamp_millis(0) + INTERVAL {interval}) AS ms").collect()
    return int(found["ms"])
