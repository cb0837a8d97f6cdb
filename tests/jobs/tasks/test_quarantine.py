"""What `make quarantine` prints is readable, and shows of an event its id and what its reason
names.
"""

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from builders import a_contract, an_order, framed
from processes import finished
from structlog.testing import capture_logs

from jobs.tasks import quarantine
from jobs.tasks.quarantine import NOTHING, as_json, as_text, fields
from pipelines.base.errors import ServiceUnreachable
from pipelines.contracts.contract import Contract
from pipelines.contracts.single_records import decoder
from pipelines.operations.refused import Example, Refused

ORDERS = "shop.orders"
THEN, LATER = datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


def an_event(**changes: Any) -> dict[str, Any]:
    event = decoder(a_contract(ORDERS))(framed(ORDERS, an_order(**changes)))
    assert event is not None
    return dict(event)


def group(reason: str, event: dict[str, Any] | None, key: bytes | None = b"o1", held: str | None = None) -> Refused:
    return Refused(ORDERS, reason, 1_234, THEN, LATER, [Example(1, 42, LATER, key, event, held)])


@pytest.mark.parametrize(
    ("reason", "names"),
    [
        ("event_at_in_the_future", ["event_id", "event_at"]),
        ("broken_rule:placed_at_between_2000_and_2100", ["event_id", "event_at", "placed_at"]),
        ("broken_rule:customer_id_not_blank", ["event_id", "event_at", "customer_id"]),
        ("broken_rule:version_from_1", ["event_id", "event_at", "version"]),
        ("id_conflict", ["event_id", "event_at"]),
    ],
)
def test_an_event_shows_its_id_and_what_its_reason_names(reason: str, names: list[str]) -> None:
    assert list(fields(an_event(), reason)) == names
    assert list(fields(an_event(), reason, whole=True)) == list(an_event())


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "1970-01-01T00:00:00+00:00"),
        (-(2**63), "-9223372036854775808 us since 1970"),
        (1_800_000_000_000_000_000, "1800000000000000000 us since 1970"),
    ],
)
def test_any_time_is_shown(time_us: int, text: str) -> None:
    assert fields({"event_id": "e", "event_at": time_us}, "event_at_in_the_future")["event_at"] == text


def test_texts_are_cut_and_are_no_commands_to_a_terminal() -> None:
    found = fields({"event_id": "\x1b[31m" + "x" * 100, "event_at": 0}, "tombstone")["event_id"]
    assert "\x1b" not in found
    assert len(found) == 61


def test_a_line_for_each_topic_and_reason_and_one_for_each_example() -> None:
    lines = as_text([group("event_at_in_the_future", an_event()), group("tombstone", None, None)], whole=False).splitlines()
    assert lines[0].split() == ["topic", "reason", "records", "since", "(UTC)", "newest"]
    assert lines[1].split() == [ORDERS, "event_at_in_the_future", "1,234", "2026-11-22", "12:00:00", "2026-11-23", "08:30:00"]
    assert lines[2].strip() == "1-42  2026-11-23 08:30:00  key o1  event_id=e1  event_at=2026-11-22T12:00:00+00:00"
    assert lines[4].strip() == "1-42  2026-11-23 08:30:00  key   not=decodable"
    assert "sao paulo" not in "\n".join(lines)
    assert "sao paulo" in as_text([group("event_at_in_the_future", an_event())], whole=True)
    assert as_text([], whole=False) == NOTHING


def test_a_conflict_names_the_place_of_the_other() -> None:
    assert "the id is that of 0-7" in as_text([group("id_conflict", an_event(), held="0-7")], whole=False)


def test_json_has_every_group_with_its_examples_and_no_more_of_an_event_than_the_text() -> None:
    (found,) = json.loads(as_json([group("event_at_in_the_future", an_event(), b"\xff", "0-7")], whole=False))
    assert (found["topic"], found["records"], found["since"]) == (ORDERS, 1234, "2026-11-22T12:00:00+00:00")
    (example,) = found["examples"]
    assert (example["partition"], example["offset"], example["key"], example["held"]) == (
        1,
        42,
        "\N{REPLACEMENT CHARACTER}",
        "0-7",
    )
    assert list(example["event"]) == ["event_id", "event_at"]
    (undecoded,) = json.loads(as_json([group("tombstone", None)], whole=True))
    assert undecoded["examples"][0]["event"] is None


def test_what_nobody_refuses_is_hinted_at_and_only_to_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quarantine, "open_catalogue", nullcontext)
    monkeypatch.setattr(quarantine, "refused", lambda *_: [group("tombstone", None)])
    quarantine.main()
    assert "REASON=id_conflict" in capsys.readouterr().out
    quarantine.main(as_objects=True)
    assert [each["reason"] for each in json.loads(capsys.readouterr().out)] == ["tombstone"]


def test_without_a_registry_records_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(topic: str) -> Contract:
        raise ServiceUnreachable("no schema registry answers")

    monkeypatch.setattr(quarantine, "contract", unreachable)
    with capture_logs() as logged:
        assert quarantine.decoder_of("a topic of this test")(framed(ORDERS, an_order())) is None
    assert [(each["event"], each["error"]) for each in logged] == [("not_decoded", "no schema registry answers")]


@pytest.mark.programs
@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("quarantine", "--topic", "shop.order"), "No table is refined from shop.order: choose one of shop.orders"),
        (("quarantine", "--show", "all"), "Whole events may be personal data: name the reason"),
        (("quarantine_replay", "--topic", ORDERS, "--reason", "tombstone"), "Nothing can be decided of tombstone"),
        (("quarantine_replay", "--topic", "shop.order", "--reason", "x"), "No table is refined from shop.order: choose one of"),
        (
            ("quarantine_replay", "--topic", ORDERS, "--reason", "x", "--from", "2026-11-23", "--to", "2026-11-22"),
            "is empty: let it end after its start",
        ),
        (
            ("quarantine_replay", "--topic", ORDERS, "--reason", "unknown_schema_id", "--as", "arrival-time"),
            "were not refused for their clock: leave out AS=arrival-time, or name one of event_at_in_the_future",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_spark_starts(command: tuple[str, ...], sentence: str) -> None:
    name, *options = command
    done = finished(f"jobs/tasks/{name}.py", *options, expect=2, TIDEMARK_POSTGRES__PORT="1")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
