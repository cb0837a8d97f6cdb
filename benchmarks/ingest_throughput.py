"""Measures Kafka to silver in rows per second, from a backlog of two million clicks, beside a plain
read of the topic.

Both read a topic of their own with the same limits, turn by turn, in one Spark session: `silver` as
production does it (decode, validate, deduplicate, Iceberg), `raw` only fetches the records and
throws them away.
"""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle, islice
from statistics import median

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from benchmarks import receipt
from benchmarks.support.own_topics import own_topics
from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry
from pipelines.lake import catalog
from pipelines.silver import clicks
from pipelines.silver.refining import refine
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.reads import deduplicate, read_topics
from pipelines.streaming.session import spark_session
from pipelines.table import Table
from simulator.encoding import framed
from simulator.event import Event
from simulator.producer import KafkaProducer, Record
from simulator.shop import Shop
from stack.programs import LEAN_JAVA

ROWS = 2_000_000
DIFFERENT = 20_000  # clicks of the simulated shop that the backlog repeats under new event ids
ROUNDS = 5
PARTITIONS = os.cpu_count() or 1  # of the topic and of the deduplication: every core works
SENT_AT_ONCE = 10_000
SCRATCH = "benchmark"
TABLE = replace(clicks.TABLE, name="silver.clicks_benchmark")

log = logs.get(__name__)


def main() -> None:
    """Fill a topic, read it both ways five times over, write the receipt, and leave nothing behind.

    The first round is that of a Java which has yet to compile what the others run.
    """
    os.environ["JDK_JAVA_OPTIONS"] = LEAN_JAVA  # as the streams have it
    spark = spark_session("ingest_throughput")
    spark.conf.set("spark.sql.shuffle.partitions", PARTITIONS)
    rates: dict[str, list[float]] = {"raw": [], "silver": []}
    with _backlog() as topic:
        for _ in range(ROUNDS):
            rates["raw"].append(ROWS / raw(spark, topic))
            rates["silver"].append(ROWS / silver(spark, topic))
            log.info("round_measured", **{f"{name}_rows_per_s": round(found[-1]) for name, found in rates.items()})
    receipt.write("ingest_throughput", _settings(spark, rates), metrics(rates))


def metrics(rates: dict[str, list[float]]) -> dict[str, float]:
    """Return the median rates over the rounds, and the median of each round's ratio."""
    ratios = [silver / raw for silver, raw in zip(rates["silver"], rates["raw"], strict=True)]
    return {
        "silver_rows_per_s": median(rates["silver"]),
        "raw_read_rows_per_s": median(rates["raw"]),
        "ratio": median(ratios),
        "rows_count": ROWS,
    }


def raw(spark: SparkSession, topic: str) -> float:
    """Return the seconds in which all of the topic is fetched."""
    with _scratch(spark) as checkpoint:
        records = read_topics(spark, [topic], clicks.TABLE.name)
        return _timed(records.writeStream.format("noop").option("checkpointLocation", checkpoint))


def silver(spark: SparkSession, topic: str) -> float:
    """Return the seconds in which all of the topic is refined into a table; raises where a row is
    missing.
    """
    with _scratch(spark) as checkpoint:
        known = schema_registry.contract(str(clicks.TABLE.topic))
        refined = refine(read_topics(spark, [topic], clicks.TABLE.name), replace(known, topic=topic), clicks)
        catalog.ensure(spark, TABLE)
        writer = deduplicate(refined, clicks.TABLE).writeStream.format("iceberg").option("checkpointLocation", checkpoint)
        seconds = _timed(writer.options(**{"fanout-enabled": "true", "check-nullability": "false"}), TABLE)
        found = spark.table(TABLE.name).count()
    if found != ROWS:
        raise RuntimeError(f"{ROWS} clicks were sent and {found} are in silver")
    return seconds


def _timed(writer: DataStreamWriter, table: Table | None = None) -> float:
    began = time.monotonic()
    available = writer.trigger(availableNow=True)
    query: StreamingQuery = available.toTable(catalog.full_name(table)) if table else available.start()
    query.awaitTermination()
    return time.monotonic() - began


@contextmanager
def _scratch(spark: SparkSession) -> Iterator[str]:
    """Yield a fresh checkpoint folder; remove it and the scratch table at the end."""
    checkpoint = Checkpoint(spark, f"{SCRATCH}.{uuid.uuid4()}")
    try:
        yield checkpoint.path
    finally:
        checkpoint.remove()
        spark.sql(f"DROP TABLE IF EXISTS {TABLE.name} PURGE")


@contextmanager
def _backlog() -> Iterator[str]:
    """Yield a topic that holds ROWS different clicks; remove it at the end."""
    topic = f"{SCRATCH}.{uuid.uuid4()}"
    with own_topics(topic, partitions=PARTITIONS):
        with KafkaProducer(settings().kafka.bootstrap_servers, linger_ms=50) as producer:
            sent = _records(topic)
            while some := list(islice(sent, SENT_AT_ONCE)):
                producer.send(some)
        log.info("backlog_sent", rows=ROWS, topic=topic)
        yield topic


def _records(topic: str) -> Iterator[Record]:
    """Yield ROWS clicks of a simulated shop, each with an event id of its own."""
    of = str(clicks.TABLE.topic)
    encode = framed(schemas.reader(of), schema_registry.newest_id(of))
    for number, click in enumerate(islice(cycle(_clicks(of)), ROWS)):
        yield Record(topic, click.key, encode({**click.record, "event_id": f"benchmark-{number:08}"}))


def _clicks(topic: str) -> list[Event]:
    past = round((time.time() - 3600) * 1_000_000)
    events = Shop(seed=7, start=past, rate=200.0, steady=True).events()
    return list(islice((event for event in events if event.topic == topic), DIFFERENT))


def _settings(spark: SparkSession, rates: dict[str, list[float]]) -> dict[str, object]:
    return {
        "rounds": [{f"{name}_rows_per_s": round(found[i]) for name, found in rates.items()} for i in range(ROUNDS)],
        "stream": settings().stream(clicks.TABLE.name).model_dump(exclude_none=True),
        "partitions": PARTITIONS,
        "master": spark.sparkContext.master,
    }
