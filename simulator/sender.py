"""Sends events to Kafka: encodes them, spoils some on request, counts them, and reports now and
then how it goes.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.base import logs
from pipelines.base.settings import settings
from simulator import encoders
from simulator.event import Event
from simulator.faults import NO_FAULTS, Faults, Shares
from simulator.ledger import Ledger
from simulator.pace import MICROS, micros
from simulator.producer import KafkaProducer, Record

log = logs.get(__name__)
REPORT_EVERY_S = 10.0

Watch = Callable[[Event], None]


@dataclass(frozen=True)
class Options:
    """How to send: which faults, their seed, for how many seconds with the first schemas, and the
    file for the counts.
    """

    shares: Shares = NO_FAULTS
    seed: int = 7
    newest_schemas_after_s: float = 0.0
    ledger: Path | None = None


class Sender:
    """Sends batches of events of a run that starts at simulated time `start`."""

    def __init__(self, options: Options, producer: KafkaProducer, ledger: Ledger) -> None:
        self.ledger = ledger
        self.settled, self.flush = producer.settled, producer.flush
        self._producer = producer
        self._faults = Faults(options.shares, options.seed, ledger)
        self._newest = encoders.newest()
        self._earliest = encoders.earliest() if options.newest_schemas_after_s else self._newest
        self._change_after = micros(options.newest_schemas_after_s)

    def send(self, batches: Iterable[list[Event]], start: int, watch: Watch) -> None:
        """Send everything, and at the end what the faults held back; `watch` sees the last event of
        each batch.
        """
        change = start + self._change_after
        for batch in batches:
            self._producer.send(self._records(batch, change))
            if batch:
                watch(batch[-1])
        self._producer.send(self._faults.rest())

    def _records(self, batch: list[Event], change: int) -> Iterator[Record]:
        for event in batch:
            encode = self._newest if event.at >= change else self._earliest
            record = Record(event.topic, event.key, encode[event.topic](event.record))
            yield from self._faults.spoil(event, record)


@contextmanager
def opened(options: Options) -> Iterator[Sender]:
    """Yield a sender to the Kafka of the settings; at the end everything is acknowledged and the
    ledger written, also after an error.

    Raises ServiceUnreachable without broker or registry, ContractError when schemas are not
    registered.
    """
    ledger = Ledger()
    producer = KafkaProducer(settings().kafka.bootstrap_servers)
    sender = Sender(options, producer, ledger)
    try:
        with producer:
            yield sender
    finally:
        if options.ledger:
            ledger.write(options.ledger)
        log.info("sent", records=ledger.total("records"), events=ledger.total("events"))


def reporting(ledger: Ledger, behind: Callable[[int], float]) -> Watch:
    """Return a watch that logs every ten seconds how many records a second leave and how far behind
    the clock they are.
    """
    last = {"at": time.monotonic(), "records": 0}

    def watch(event: Event) -> None:
        now, records = time.monotonic(), ledger.total("records")
        if now - last["at"] < REPORT_EVERY_S:
            return
        log.info(
            "rate",
            records_per_s=round((records - last["records"]) / (now - last["at"]), 1),
            records=records,
            behind_s=round(behind(event.at), 3),
            simulated=datetime.fromtimestamp(event.at / MICROS, UTC).isoformat(timespec="seconds"),
        )
        last.update(at=now, records=records)

    return watch
