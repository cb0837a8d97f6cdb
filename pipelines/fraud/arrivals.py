"""Payments in order of arrival, in slices: Spark hands the driver no more at once than
spark.driver.maxResultSize, and all payments ever are more.
"""

from collections.abc import Iterator

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Of some 300 bytes a payment.
SLICE = 200_000


def in_slices(rows: DataFrame, most: int = SLICE) -> Iterator[DataFrame]:
    """Yield rows (with `kafka_partition` and `kafka_offset`) in order of arrival, partition by
    partition, from at most so many offsets at once; one empty slice where there are none.
    """
    offset = F.col("kafka_offset")
    reach = rows.groupBy("kafka_partition").agg(F.min(offset), F.max(offset)).orderBy("kafka_partition").collect()
    if not reach:
        yield rows.limit(0)
    for partition, first, last in reach:
        for begin in range(first, last + 1, most):
            in_slice = (F.col("kafka_partition") == partition) & (offset >= begin) & (offset < begin + most)
            yield rows.filter(in_slice).orderBy("kafka_offset")
