"""How a shop takes fraud scores from Kafka: each score once, and none lost when this program is
killed.

    python docs/examples/consume_fraud_scores.py

It imports nothing of Tidemark: copy it, and put what your shop does about a payment into `act`.
"""

import logging
import sys
from collections import OrderedDict
from typing import Annotated, Any

import typer
from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

REMEMBERED = 100_000  # event ids: more than arrive between a crash of the scorer and its return
# The client mends these by itself; after any other error nothing more would come.
PASSING = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT}
# What reading bytes raises that are no record of their schema, or none at all.
UNREADABLE = (SerializationError, EOFError, ValueError, TypeError, LookupError, ArithmeticError)
NOT_FOUND = 404

log = logging.getLogger("fraud_scores")


def act(score: dict[str, Any]) -> None:
    """Do what the shop does about a payment: here, say so."""
    because = f", because of {'; '.join(score['reasons'])}" if score["reasons"] else ""
    sys.stdout.write(f"{score['payment_id']}: {score['decision']}, probability {score['probability']:.3f}{because}\n")


class Seen:
    """The newest event ids. The topic may hold a score twice, with one event_id: scores are sent at
    least once.
    """

    def __init__(self) -> None:
        self.ids: OrderedDict[str, None] = OrderedDict()

    def before(self, event_id: str) -> bool:
        """Return whether this id came before, and remember it."""
        known = event_id in self.ids
        self.ids[event_id] = None
        if len(self.ids) > REMEMBERED:
            self.ids.popitem(last=False)
        return known


def decoded(decode: AvroDeserializer, message: Message) -> dict[str, Any] | None:
    """Return the score, or None, and say so, where the record is none and would be none at the next
    start either.
    """
    why: Exception
    try:
        return dict(decode(message.value(), SerializationContext(message.topic(), MessageField.VALUE)))
    except SchemaRegistryError as error:
        if error.http_status_code != NOT_FOUND:
            raise  # the registry fails, not the record
        why = error
    except UNREADABLE as error:
        why = error
    where = f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
    log.error("no score, gone past: %s (%s)", where, type(why).__name__)
    return None


def main(
    brokers: Annotated[str, typer.Option(help="Kafka's bootstrap servers.")] = "127.0.0.1:19092",
    registry: Annotated[str, typer.Option(help="The schema registry's URL.")] = "http://127.0.0.1:18081/apis/ccompat/v7",
    topic: Annotated[str, typer.Option(help="Where the scores are.")] = "tidemark.fraud_scores",
    group: Annotated[str, typer.Option(help="Consumer group: instances of one group share the work.")] = "shop-fraud-scores",
    stop_after: Annotated[int, typer.Option(help="End after so many scores; 0 means never.")] = 0,
) -> None:
    """Act on every score of the topic."""
    # Without a limit it would wait for ever for an answer that got lost; within it, it asks again.
    decode = AvroDeserializer(SchemaRegistryClient({"url": registry, "timeout": 10}))
    options = {"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer, seen, acted = Consumer(options), Seen(), 0
    consumer.subscribe([topic])
    try:
        while not stop_after or acted < stop_after:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if error := message.error():
                if error.code() not in PASSING:
                    raise KafkaException(error)
                log.warning("waiting for Kafka: %s", error)
                continue
            score = decoded(decode, message)
            if score and not seen.before(score["event_id"]):
                act(score)
                acted += 1
            # Only now: killed before, it acts again rather than never.
            consumer.commit(message, asynchronous=False)
    finally:
        consumer.close()


if __name__ == "__main__":
    typer.run(main)
