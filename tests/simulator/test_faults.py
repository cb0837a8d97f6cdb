"""Faults are reproducible, counted exactly, and no schema of ours reads a corrupt record."""

import io
import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from fastavro import parse_schema, schemaless_reader

from pipelines.contracts import schemas
from simulator.encoding import framed
from simulator.event import Event
from simulator.faults import Faults, Shares
from simulator.ledger import Ledger
from simulator.producer import Record
from simulator.shop import Shop

MINUTE = 60_000_000
START = 1_760_000_000_000_000
ENCODERS = {topic: framed(schemas.reader(topic), 5) for topic in schemas.topics()}
READABLE = {topic: parse_schema(json.loads(schemas.reader(topic))) for topic in schemas.topics()}


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(islice(Shop(7, START, 50.0).events(), 20_000))


def spoiled(events: list[Event], shares: Shares, seed: int = 7) -> tuple[list[tuple[int, Record]], Ledger]:
    """Return what leaves, with the simulated time it leaves at, and the ledger."""
    ledger = Ledger()
    faults = Faults(shares, seed, ledger)
    out = [
        (event.at, record)
        for event in events
        for record in faults.spoil(event, Record(event.topic, event.key, ENCODERS[event.topic](event.record)))
    ]
    return [*out, *((events[-1].at, record) for record in faults.rest())], ledger


def reads(record: Record) -> bool:
    """Return whether the record has our header and an Avro body, as the decoder in Spark would
    find.
    """
    if record.value is None or record.value[:5] != b"\x00\x00\x00\x00\x05":
        return False
    try:
        schemaless_reader(io.BytesIO(record.value[5:]), READABLE[record.topic], None)
    except (EOFError, IndexError, ValueError, UnicodeDecodeError, OverflowError):
        return False
    return True


def test_without_faults_every_record_passes_as_it_is(events: list[Event]) -> None:
    out, ledger = spoiled(events, Shares())
    assert [record.value for _, record in out] == [ENCODERS[event.topic](event.record) for event in events]
    assert ledger.total("records") == ledger.total("events") == len(events)


def test_the_ledger_counts_what_left(events: list[Event]) -> None:
    out, ledger = spoiled(events, Shares(duplicates=0.05, late=0.05, corrupt=0.05))
    left = Counter(record.value for _, record in out if reads(record))
    expected = {ENCODERS[event.topic](event.record) for event in events}
    assert set(left) == expected
    assert sum(times - 1 for times in left.values()) == ledger.total("duplicates") > 800
    assert sum(not reads(record) for _, record in out) == ledger.total("corrupt") > 800
    assert len(out) == ledger.total("records") == len(events) + ledger.total("duplicates") + ledger.total("corrupt")
    assert Counter(record.topic for _, record in out) == {t: c["records"] for t, c in ledger.as_dict().items()}


def test_late_records_come_minutes_after_they_happened(events: list[Event]) -> None:
    out, ledger = spoiled(events, Shares(late=0.02))
    happened = {ENCODERS[event.topic](event.record): event.at for event in events}
    delays = [left - happened[record.value] for left, record in out if record.value is not None]
    held_to_the_end = sum(1 for left, _ in out if left == events[-1].at)
    late = [delay for delay in delays if delay >= MINUTE]
    assert ledger.total("late") - held_to_the_end <= len(late) <= ledger.total("late")
    assert all(delay <= 31 * MINUTE for delay in delays)


def test_a_duplicate_follows_within_seconds(events: list[Event]) -> None:
    out, _ = spoiled(events, Shares(duplicates=0.02))
    first: dict[bytes | None, int] = {}
    gaps = [left - first.setdefault(record.value, left) for left, record in out]
    assert 0 < max(gaps) < 20_000_000


def test_the_same_seed_spoils_the_same_records(events: list[Event]) -> None:
    shares = Shares(0.02, 0.02, 0.02)
    assert spoiled(events, shares, 3)[0] == spoiled(events, shares, 3)[0]
    assert spoiled(events, shares, 3)[0] != spoiled(events, shares, 4)[0]


def test_every_kind_of_corruption_comes_and_none_is_readable(events: list[Event]) -> None:
    out, _ = spoiled(events[:6_000], Shares(corrupt=1.0))
    corrupt = [record.value for _, record in out[1::2]]
    assert not any(reads(record) for _, record in out[1::2])
    kinds = {
        "tombstone": [value for value in corrupt if value is None],
        "no header": [value for value in corrupt if value and value[0] != 0],
        "unknown id": [value for value in corrupt if value and value[0] == 0 and value[1:2] >= b"\x40"],
        "json": [value for value in corrupt if value and value[5:6] == b"{" and value[-1:] == b"}"],
        "truncated": [value for value in corrupt if value and value[:5] == b"\0\0\0\0\5" and value[5:6] != b"{"],
    }
    assert all(500 < len(values) < 3_000 for values in kinds.values()), {kind: len(values) for kind, values in kinds.items()}


def test_a_good_record_is_readable(events: list[Event]) -> None:
    assert all(reads(Record(event.topic, event.key, ENCODERS[event.topic](event.record))) for event in events[:3_000])


def test_the_ledger_is_written_whole(tmp_path: Path, events: list[Event]) -> None:
    _, ledger = spoiled(events[:100], Shares(duplicates=1.0))
    ledger.write(tmp_path / "new" / "ledger.json")
    written = json.loads((tmp_path / "new" / "ledger.json").read_text())
    assert written == ledger.as_dict()
    assert sum(counts["records"] for counts in written.values()) == 200
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ledger.json"]
