"""What has arrived for a query, as batches: in order, and in slices, because Spark hands the driver
no more at once than spark.driver.maxResultSize, and all rows ever are more.
"""

from collections.abc import Iterator, Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.contracts.contract import Contract
from pipelines.lake import catalog
from pipelines.silver.refining import Silver, refine
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.reads import read_topic_once

# Of some 300 bytes a row.
SLICE = 200_000
PLACE = ("kafka_partition", "kafka_offset", "kafka_at")


def arrived(
    spark: SparkSession, silver: Silver, until: Mapping[int, int], contract: Contract, columns: Sequence[str]
) -> DataFrame:
    """Return what arrived before the offsets `until` of a silver table's topic, with the columns
    that `in_slices` takes: silver's rows, and from Kafka what silver has not yet.
    """
    table, wanted = silver.TABLE, [*columns, *PLACE]
    ends = F.create_map(*(F.lit(each) for partition, end in until.items() for each in (partition, end)))
    before = F.col("kafka_offset") < F.element_at(ends, F.col("kafka_partition"))
    rows = catalog.fresh(spark, table).filter(before).select(*wanted)
    topic = str(table.topic)
    reached = Checkpoint(spark, table.name).committed_of(topic)
    since = {partition: min(end, reached.get(partition, 0)) for partition, end in until.items()}
    if since != until:
        records = read_topic_once(spark, topic, since, until)
        rows = rows.unionByName(refine(records, contract, silver).select(*wanted))
    return rows


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
