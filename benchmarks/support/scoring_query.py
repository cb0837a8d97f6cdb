"""The scoring query of the demo and its floor, the same query without Python, on topics of a
benchmark's own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from benchmarks.receipt import ReceiptError
from pipelines.base.settings import settings
from pipelines.contracts import avro
from pipelines.fraud import alerts, scoring
from pipelines.fraud.champion import champion_watch
from pipelines.kafka import schema_registry
from pipelines.models.packed import Packed
from pipelines.silver import payments
from pipelines.silver.refining import LINEAGE, refine
from pipelines.streaming.reads import kafka_options, read_topics

SCORES, SHOP = "tidemark.fraud_scores", "shop.payments"
BENCH_IN, BENCH_SCORES, BENCH_ALERTS, BENCH_FLOOR = "bench.payments", "bench.fraud_scores", "bench.alerts", "bench.floor"
TOPICS = (BENCH_IN, BENCH_SCORES, BENCH_ALERTS, BENCH_FLOOR)

Flow = Callable[[DataFrame], DataFrame]


def scored(spark: SparkSession) -> Flow:
    """Return the job's own path from Kafka's records to encoded scores; raises ReceiptError where
    no model scores yet.
    """
    model = spark.sparkContext.broadcast(_champion())
    known = replace(schema_registry.contract(SHOP), topic=BENCH_IN)
    scores = replace(schema_registry.writer(SCORES), topic=BENCH_SCORES)
    alarms = replace(schema_registry.writer(alerts.TOPIC), topic=BENCH_ALERTS)
    return lambda records: scoring.messages(scoring.score(refine(records, known, payments), model), scores, alarms)


def _champion() -> Packed:
    watch = champion_watch()
    # The job waits for one: a benchmark would wait for ever.
    if watch.registry.champion_version(watch.name) is None:
        raise ReceiptError(f"There is no champion of {watch.name} to measure: make demo trains one, then try again.")
    return watch.first()


def floor(source: str) -> Flow:
    """Return the same path with native expressions only: the payment is decoded, judged and encoded
    again.
    """
    known = replace(schema_registry.contract(SHOP), topic=source)
    fields = [column.name for column in payments.TABLE.columns if column not in LINEAGE]

    def through(records: DataFrame) -> DataFrame:
        value = avro.encode(F.struct(*fields), schema_registry.writer(SHOP))
        columns = F.lit(BENCH_FLOOR).alias("topic"), F.col("card_id").alias("key"), value.alias("value")
        return refine(records, known, payments).select(*columns)

    return through


@contextmanager
def running(
    spark: SparkSession, source: str, flow: Flow, target: str, checkpoint: str, as_query: str = SCORES
) -> Iterator[StreamingQuery]:
    """Run the flow from `source` to `target` with the settings of a query, the scoring one's if not
    said otherwise, from its checkpoint or from now on.
    """
    records = read_topics(spark, [source], as_query, "latest")
    writer = flow(records).writeStream.format("kafka").option("checkpointLocation", checkpoint).queryName(target)
    options = {**kafka_options(settings().kafka), "kafka.linger.ms": "0", "kafka.acks": "all"}
    query = writer.options(**options).trigger(processingTime=settings().stream(as_query).trigger).start()
    try:
        yield query
    finally:
        query.stop()
