"""What `make balance` prints fits a terminal, and a program can read it."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest
import typer

from jobs.tasks import balance
from jobs.tasks.balance import as_json, as_text
from pipelines.operations.balance import Balance

HOLDS = Balance("tidemark.fraud_scores", 12_345_678, 12_300_000, 45_000, 600, 78, gaps=0, doubled=0)
LOST = Balance("shop.orders", 10, 7, 0, 0, 1, gaps=1, doubled=2)
UNREAD = Balance("shop.clicks", 9, 9, 0, 0, 0, gaps=0, doubled=0, oldest_s=777.7, is_stuck=True)
STUCK = Balance("shop.reviews", 9, 7, 0, 0, 2, gaps=0, doubled=0, oldest_s=601.4, is_stuck=True)


def test_a_table_of_80_columns_with_a_sentence_for_each_topic_that_does_not_hold() -> None:
    lines = as_text([HOLDS, LOST, STUCK]).splitlines()
    assert max(map(len, lines[:3])) <= 80
    assert lines[0].split() == ["topic", "bronze", "silver", "duplicates", "quarantined", "in", "flight"]
    assert lines[1].split() == ["tidemark.fraud_scores", "12,345,678", "12,300,000", "45,000", "600", "78"]
    assert lines[-3:] == [
        "✗ shop.orders: 3 records are missing: make rebuild brings back all but 1 that bronze lacks (docs/operations.md).",
        "✗ shop.orders: 2 rows are more than one for their record (docs/operations.md).",
        "✗ shop.reviews: 2 are in flight, the oldest for 601 s: run make status (docs/operations.md).",
    ]


def test_what_bronze_does_not_take_in_is_said() -> None:
    assert as_text([UNREAD]).splitlines()[-1] == (
        "✗ shop.clicks: what came 778 s ago is not in bronze yet: run make status (docs/operations.md)."
    )


def test_conflicts_are_counted_apart_and_break_nothing() -> None:
    verdict, note = as_text([replace(HOLDS, conflicts=1_200, silver=12_298_800)]).splitlines()[-2:]
    assert verdict == "✓ Every record is where it belongs, once."
    assert note.startswith(
        "· tidemark.fraud_scores: 1,200 events have the id of another, which is in silver, and other content"
    )
    assert json.loads(as_json([replace(HOLDS, conflicts=3)]))[0]["conflicts"] == 3


def test_where_all_hold_the_last_line_says_so() -> None:
    assert as_text([HOLDS]).splitlines()[-1] == "✓ Every record is where it belongs, once."
    waiting = replace(HOLDS, oldest_s=12.3)
    assert as_text([waiting]).splitlines()[-1] == "✓ Every record is where it belongs, once, or under way for 12 s at most."


def test_what_kafka_has_forgotten_is_said_and_breaks_nothing() -> None:
    verdict, note = as_text([replace(HOLDS, forgotten=1_200)]).splitlines()[-2:]
    assert verdict == "✓ Every record is where it belongs, once."
    assert note.startswith("· tidemark.fraud_scores: bronze lacks 1,200 offsets that Kafka does not hold any more")


@pytest.mark.parametrize(("found", "code"), [([HOLDS], 0), ([HOLDS, LOST], 1), ([STUCK], 1), ([UNREAD], 1)])
def test_the_exit_code_says_whether_all_hold(monkeypatch: pytest.MonkeyPatch, found: list[Balance], code: int) -> None:
    monkeypatch.setattr(balance, "open_catalogue", nullcontext)
    monkeypatch.setattr(balance, "balances", lambda *_: found)
    with pytest.raises(typer.Exit) as end:
        balance.main()
    assert end.value.exit_code == code


def test_json_has_every_count() -> None:
    held, lost = json.loads(as_json([HOLDS, LOST]))
    assert (held["topic"], held["bronze"], held["in_flight"], held["missing"], held["holds"]) == (
        HOLDS.topic,
        12_345_678,
        78,
        0,
        True,
    )
    assert (lost["gaps"], lost["doubled"], lost["missing"], lost["holds"]) == (1, 2, 3, False)
