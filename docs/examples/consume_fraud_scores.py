"""How a shop takes fraud scores from Kafka: each score once, and none lost when this program is killed.

    python docs/examples/consume_fraud_scores.py

It imports nothing of Tidemark: copy it, and put what your shop does about a payment into `act`.
"""

import sys
from collections import OrderedDict
from typing import Annotated, Any

import typer
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

REMEMBERED = 100_000  # event ids: more than arrive between a crash of the scorer and its return


def act(score: dict[str, Any]) -> None:
    """Do what the shop does about a payment: here, say so."""
    because = f", because of {'; '.join(score['reasons'])}" if score["reasons"] else ""
    sys.stdout.write(f"{score['payment_id']}: {score['decision']}, probability {score['probability']:.3f}{because}\n")


class Seen:
    """The newest event ids. The topic may hold a score twice, with one event_id: scores are sent at least once."""

    def __init__(self) -> None:
        self.ids: OrderedDict[str, None] = OrderedDict()

    def before(self, event_id: str) -> bool:
        """Return whether this id came before, and remember it."""
        known = event_id in self.ids
        self.ids[event_id] = None
        if len(self.ids) > REMEMBERED:
            self.ids.popitem(last=False)
        return known


def main(
    brokers: Annotated[str, typer.Option(help="Kafka's bootstrap servers.")] = "127.0.0.1:19092",
    registry: Annotated[str, typer.Option(help="The schema registry's URL.")] = "http://127.0.0.1:18081/apis/ccompat/v7",
    topic: Annotated[str, typer.Option(help="Where the scores are.")] = "tidemark.fraud_scores",
    group: Annotated[str, typer.Option(help="Consumer group: instances of one group share the work.")] = "shop-fraud-scores",
    stop_after: Annotated[int, typer.Option(help="End after so many scores; 0 means never.")] = 0,
) -> None:
    """Act on every score of the topic."""
    decode = AvroDeserializer(SchemaRegistryClient({"url": registry}))
    told = {"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer, seen, acted = Consumer(told), Seen(), 0
    consumer.subscribe([topic])
    try:
        while not stop_after or acted < stop_after:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            score = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
            if not seen.before(score["event_id"]):
                act(score)
                acted += 1
            consumer.commit(message, asynchronous=False)  # only now: killed before, it acts again rather than never
    finally:
        consumer.close()


if __name__ == "__main__":
    typer.run(main)
