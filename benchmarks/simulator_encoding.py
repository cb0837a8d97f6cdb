"""How many events a second one process generates, encodes and produces, beside fastavro on the same
events.

Needs a Kafka broker (`make up`); writes to a topic of its own and deletes it.
"""

import io
import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from statistics import median
from typing import Any

from fastavro import parse_schema, schemaless_writer

from benchmarks.receipt import write
from benchmarks.support.own_topics import own_topics
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from simulator.encoding import framed
from simulator.event import TOPICS, Event
from simulator.producer import KafkaProducer, Record
from simulator.shop import Shop

EVENTS, ROUNDS = 200_000, 3
TOPIC = "benchmark.simulator_encoding"
START = 1_760_000_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENCODERS = {topic: framed(schemas.reader(topic), 1) for topic in TOPICS}
SCHEMAS = {topic: parse_schema(json.loads(schemas.reader(topic))) for topic in TOPICS}
TIMES = ("event_at", "placed_at", "estimated_delivery_at")
AMOUNTS = ("price", "freight", "amount")


def main() -> None:
    """Measure and write the receipt."""
    with own_topics(TOPIC, partitions=settings().kafka.partitions):
        write("simulator_encoding", {"events": EVENTS, "rounds": ROUNDS}, measure())


def measure(events: int = EVENTS, rounds: int = ROUNDS) -> dict[str, float]:
    """Return rates over `events` events of the shop, each the median of `rounds` interleaved
    rounds.
    """
    happened = list(islice(_shop().events(), events))
    prepared = [(event.topic, _as_fastavro_wants_it(event.record)) for event in happened]
    work: dict[str, Callable[[], object]] = {
        "encode_per_s": lambda: _consume(ENCODERS[event.topic](event.record) for event in happened),
        "fastavro_per_s": lambda: _consume(_by_fastavro(topic, record) for topic, record in prepared),
        "generate_per_s": lambda: _consume(islice(_shop().events(), events)),
        "encode_produce_per_s": lambda: _produce(happened),
        "generate_encode_produce_per_s": lambda: _produce(islice(_shop().events(), events)),
    }
    seconds = [{name: _seconds(job) for name, job in work.items()} for _ in range(rounds)]
    rates = {name: events / median(taken[name] for taken in seconds) for name in work}
    return {**rates, "fastavro_ratio": rates["encode_per_s"] / rates["fastavro_per_s"], "events_count": float(events)}


def _shop() -> Shop:
    return Shop(seed=7, start=START, rate=1_000.0)


def _produce(events: Iterable[Event]) -> None:
    with KafkaProducer(settings().kafka.bootstrap_servers) as producer:
        producer.send(Record(TOPIC, event.key, ENCODERS[event.topic](event.record)) for event in events)


def _by_fastavro(topic: str, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    out.write(b"\x00\x00\x00\x00\x01")
    schemaless_writer(out, SCHEMAS[topic], record)
    return out.getvalue()


def _as_fastavro_wants_it(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with Decimal money and datetime times; preparing them is not measured."""
    return {name: _value(name, value) for name, value in record.items()}


def _value(name: str, value: Any) -> Any:
    if name == "items":
        return [_as_fastavro_wants_it(item) for item in value]
    if value is None or name not in TIMES + AMOUNTS:
        return value
    return EPOCH + timedelta(microseconds=value) if name in TIMES else Decimal(value).scaleb(-2)


def _consume(results: Iterable[object]) -> None:
    for _ in results:
        pass


def _seconds(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began
