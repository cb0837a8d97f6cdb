"""Sends records to Kafka: idempotent, compressed, and nothing is dropped without being counted."""

from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipelines.base import logs
from pipelines.base.errors import ServiceUnreachable

log = logs.get(__name__)

ANSWER_S = 10.0  # how long a broker may take to answer at the start
FLUSH_S = 30.0  # how long records may take to be acknowledged at the end
SETTLE_S = 0.5  # how long to wait in between for records on their way
QUEUE_KB = 32_768  # records on their way while the broker is slow or away; beyond, the shop waits
ROOM_S = 0.1  # how long to wait for room in a full queue before looking again


class Record(NamedTuple):
    """A Kafka record before it is sent; a `value` of None is a tombstone."""

    topic: str
    key: str
    value: bytes | None


class KafkaProducer:
    """Sends records in order; as a context manager it waits at the end until all are acknowledged.

    Raises ServiceUnreachable when no broker answers at the start, or when records were not
    acknowledged.
    """

    def __init__(self, bootstrap_servers: str, linger_ms: int = 5) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.sent = 0
        self.failed = 0
        self._producer = Producer(_configuration(bootstrap_servers, linger_ms), error_cb=_log_trouble)
        self._look_for_a_broker()

    def send(self, records: Iterable[Record]) -> None:
        """Queue records for sending; waits while the queue is full."""
        for topic, key, value in records:
            self._queue(topic, key, value)
            self.sent += 1
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until every record is acknowledged; raises ServiceUnreachable when some are not."""
        waiting = self._producer.flush(FLUSH_S)
        if waiting or self.failed:
            raise self._unacknowledged(waiting)

    def settled(self) -> bool:
        """Return, after a moment at most, whether every record is acknowledged; raises
        ServiceUnreachable once one failed.
        """
        waiting = self._producer.flush(SETTLE_S)
        if self.failed:
            raise self._unacknowledged(waiting)
        return waiting == 0

    def _unacknowledged(self, waiting: int) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"{waiting + self.failed} of {self.sent} records were not acknowledged by the Kafka broker at "
            f"{self.bootstrap_servers}: look at its log (`make status`). Started again, the shop sends them again, with "
            "the same ids; a replay begins at its beginning."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()

    def _queue(self, topic: str, key: str, value: bytes | None) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, -1, self._count_failure)
                return
            except BufferError:
                self._producer.poll(ROOM_S)

    def _count_failure(self, error: KafkaError | None, message: Message) -> None:
        self.failed += 1
        log.error("record_not_sent", topic=message.topic(), error=str(error))

    def _look_for_a_broker(self) -> None:
        try:
            self._producer.list_topics(timeout=ANSWER_S)
        except KafkaException as error:
            raise ServiceUnreachable(f"No Kafka broker answers at {self.bootstrap_servers}: run `make up`.") from error


def _configuration(bootstrap_servers: str, linger_ms: int) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": "simulator",
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "linger.ms": linger_ms,
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": QUEUE_KB,
        "delivery.report.only.error": True,
        "log_level": 0,
    }


def _log_trouble(error: KafkaError) -> None:
    log.warning("kafka_trouble", error=error.str())
