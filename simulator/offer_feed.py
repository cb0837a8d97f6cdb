"""Reads the lists that the recommender makes from Kafka while the shop runs; whatever happens to
broker, registry or records, the shop goes on, with the lists it has or with none.
"""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from fastavro import parse_schema, schemaless_reader

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from pipelines.contracts.framing import HEADER_BYTES
from pipelines.kafka import schema_registry
from simulator.offers import NewestOffers
from simulator.shop.exposures import Offer

log = logs.get(__name__)
TOPIC = "tidemark.recommendations"
ANSWER_S, LOOK_S, TRY_AGAIN_S, END_S = 10.0, 0.5, 10.0, 5.0

Decode = Callable[[bytes], dict[str, Any]]


@contextmanager
def running() -> Iterator[NewestOffers]:
    """Yield the newest lists, which a thread goes on reading until the block is left."""
    offers, stopping = NewestOffers(), Flag()
    reader = Thread(target=_read_on, args=(offers, stopping), name="offer_feed", daemon=True)
    reader.start()
    try:
        yield offers
    finally:
        stopping.set()
        reader.join(END_S)


def _read_on(offers: NewestOffers, stopping: Flag) -> None:
    """Read until it is time to stop, and begin again after whatever goes wrong; each different
    trouble is logged once.
    """
    known: set[str] = set()
    while not stopping.is_set():
        try:
            _read(offers, stopping)
        except Exception as error:  # noqa: BLE001 - a list is no reason to close the shop
            trouble = f"{type(error).__name__}: {error}"
            if trouble not in known:
                known.add(trouble)
                log.warning("no_lists_are_read", topic=TOPIC, cause=trouble, action="the shop goes on without new lists")
            stopping.wait(TRY_AGAIN_S)


def _read(offers: NewestOffers, stopping: Flag) -> None:
    """Read what comes from now on."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings().kafka.bootstrap_servers,
            "client.id": "simulator-lists",
            "group.id": "simulator-lists",
            "enable.auto.commit": False,
            "allow.auto.create.topics": False,
            "log_level": 0,
        }
    )
    try:
        partitions = consumer.list_topics(TOPIC, timeout=ANSWER_S).topics[TOPIC].partitions
        if not partitions:
            raise LookupError(f"there is no topic {TOPIC}")
        decoders = Decoders()
        consumer.assign([TopicPartition(TOPIC, partition, OFFSET_END) for partition in partitions])
        log.info("lists_are_read", topic=TOPIC)
        while not stopping.is_set():
            message = consumer.poll(LOOK_S)
            if message is not None and not message.error():
                put(offers, decoders, message.value())
    finally:
        consumer.close()


class Decoders(dict[int, Decode]):
    """How records are decoded, by the schema id in their header; reading one looks it up."""

    def __missing__(self, schema_id: int) -> Decode:
        for known, text in schema_registry.writers(TOPIC).items():
            self[known] = _decoder(text)
        return self.setdefault(schema_id, _refused)


def _decoder(writer: str) -> Decode:
    written, wanted = parse_schema(json.loads(writer)), parse_schema(json.loads(schemas.reader(TOPIC)))

    def decode(body: bytes) -> dict[str, Any]:
        record = schemaless_reader(io.BytesIO(body), written, wanted)
        return record if isinstance(record, dict) else {}

    return decode


def _refused(body: bytes) -> dict[str, Any]:
    raise ValueError("its schema is not registered")


def put(offers: NewestOffers, decoders: dict[int, Decode], value: bytes | None) -> None:
    """Take a record's list for its session's newest; a record that cannot be read is left out."""
    try:
        framed = value or b""
        record = decoders[int.from_bytes(framed[1:HEADER_BYTES], "big")](framed[HEADER_BYTES:])
        products, teams = (tuple(map(sys.intern, record[words])) for words in ("products", "teams"))
        offer = Offer(record["event_id"], products, teams, record["variant"], record["model_version"])
    except (ValueError, LookupError, EOFError, TypeError) as error:
        log.warning("list_not_read", topic=TOPIC, cause=f"{type(error).__name__}: {error}")
        return
    offers.put(record["session_id"], offer)
