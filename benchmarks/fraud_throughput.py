"""Measures how many payments a second the scoring query works off from a backlog, beside the same query without Python.

Payments of CARDS cards to known sellers wait in Kafka; then the query runs as the demo runs it (its trigger, its batches, the
champion, all features, states read from and written to Valkey, scores and alerts to Kafka) until all are scored. Kafka and
Valkey are on the same cores. The floor works off the same backlog in turn. A first round is not measured: in it Java compiles
its code and every card gets its state.
"""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import Producer
from pyspark.sql import SparkSession
from rich.progress import track

from benchmarks import receipt
from benchmarks.fraud_payments import CARDS, SELLERS, a_payment
from benchmarks.own_states import own_states
from benchmarks.own_topics import own_topics
from benchmarks.scoring_query import BENCH_FLOOR, BENCH_IN, BENCH_SCORES, SCORES, SHOP, TOPICS, Flow, floor, running, scored
from pipelines import schema_registry, stream
from pipelines.features.card_records import FEATURES, STATE
from pipelines.online_store import RECORD
from pipelines.session import spark_session
from pipelines.settings import settings
from simulator.encoding import framed

PAYMENTS, ROUNDS = 400_000, 3
PROGRESS_KEPT = "spark.sql.streaming.numRecentProgressUpdates"


def main() -> None:
    """Measure both and write the receipt."""
    with own_topics(*TOPICS, partitions=settings().kafka.partitions_for(SHOP)), own_states():
        spark = spark_session("fraud_throughput")
        try:
            spark.conf.set(PROGRESS_KEPT, "10000")
            receipt.write("fraud_throughput", _said(), measured(spark))
        finally:
            spark.stop()


def _said() -> dict[str, object]:
    told = {"payments": PAYMENTS, "rounds": ROUNDS, "cards": CARDS, "sellers": SELLERS}
    return {**told, "stream": stream.stream_settings(SCORES).model_dump(exclude_none=True)}


def measured(spark: SparkSession) -> dict[str, float]:
    """Return the rates of both flows over all rounds."""
    flows = {BENCH_SCORES: scored(spark), BENCH_FLOOR: floor(BENCH_IN)}
    seconds = dict.fromkeys(flows, 0.0)
    with TemporaryDirectory() as folder:
        for target, flow in flows.items():  # from now on: the checkpoint remembers where the backlog begins
            drained(spark, flow, target, folder)
        for number in track(range(ROUNDS + 1), "rounds"):
            send(number * PAYMENTS)
            for target, flow in flows.items():
                seconds[target] += drained(spark, flow, target, folder) * (number > 0)
    ours, native = (ROUNDS * PAYMENTS / seconds[target] for target in flows)
    sizes = {"features_count": len(FEATURES), "card_state_bytes": STATE.itemsize, "card_record_bytes": RECORD.itemsize}
    return {"payments_per_s": ours, "native_payments_per_s": native, "ratio": ours / native, **sizes}


def send(first: int) -> None:
    """Put a backlog of PAYMENTS payments, counted from `first`, into Kafka."""
    encode = framed(schema_registry.reader(SHOP), schema_registry.newest_id(SHOP))
    producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers, "linger.ms": 50})
    for number in range(first, first + PAYMENTS):
        payment = a_payment(number)
        producer.produce(BENCH_IN, encode(payment), payment["card_id"])
        if number % 10_000 == 0:
            producer.flush()
    producer.flush()


def drained(spark: SparkSession, flow: Flow, target: str, folder: str) -> float:
    """Work off what waits and return the seconds from the begin of the first batch to the end of the last."""
    with running(spark, BENCH_IN, flow, target, str(Path(folder) / target)) as query:
        query.processAllAvailable()
        batches = [told for told in query.recentProgress if told.numInputRows]
    if not batches:
        return 0.0
    first, last = batches[0], batches[-1]
    began, ended = (datetime.fromisoformat(told.timestamp).timestamp() for told in (first, last))
    return ended + last.durationMs["triggerExecution"] / 1000 - began


if __name__ == "__main__":
    main()
