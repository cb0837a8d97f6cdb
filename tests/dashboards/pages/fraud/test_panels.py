"""Tiles, tables and sentences of the fraud page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dashboards.cache import Answer
from dashboards.pages.fraud import layout, panels
from dashboards.pages.fraud.board import Dated
from dashboards.pages.fraud.drift import Distributions
from dashboards.pages.fraud.maturity import Day
from dashboards.pages.fraud.queries import Suspect, Version
from dashboards.pages.fraud.shadow import Agreement, Fate, Ranking, Shadow

Shown = Callable[[Any], str]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOTHING = Distributions([0] * 12, [0] * 12)
STEADY = Distributions([90_000] * 12, [10_000] * 12)
DELAY = timedelta(days=7)
DECIDED = {("approve", "approve"): 970, ("approve", "review"): 12, ("review", "approve"): 8, ("decline", "decline"): 10}
FATES = [
    Fate("BRL", True, True, True, 225, Decimal(9000)),
    Fate("BRL", True, False, True, 15, Decimal(700)),
    Fate("BRL", False, True, True, 30, Decimal(1500)),
    Fate("EUR", False, False, True, 30, Decimal(5000)),
    Fate("BRL", True, True, False, 100, Decimal(3000)),
    Fate("EUR", True, False, False, 60, Decimal(800)),
    Fate("BRL", False, False, False, 19_540, Decimal(900_000)),
]
PAIR = Shadow(Agreement("4", "5", 0.912, DECIDED), Ranking(20_000, 300, 0.71, 0.765), FATES)
TORN = Answer[Any](None, None, "Trino does not answer at 127.0.0.1:1: `make status` says what runs.", NOW)


def a_suspect(**changes: Any) -> Suspect:
    reasons = ["amount_above_usual", "new_seller", "burst", "night_share"]
    made = NOW - timedelta(hours=3)
    row = Suspect("payment-0000f93bb310", "card-4f0c12ab", made, Decimal("78.87"), "BRL", 0.9, "decline", reasons, "3", False)
    return row._replace(**changes)


def a_day(**changes: Any) -> Day:
    return Day(NOW, True, 1000, 10, 8, 6, 3, Decimal(600), Decimal(200), 0)._replace(**changes)


def good(*rows: Any) -> Answer[Any]:
    return Answer(Dated(NOW, list(rows)), NOW)


def test_tiles_hold_the_last_day_and_the_mature_days(shown: Shown) -> None:
    versions = [Version("fraud", "4", 600, 15, 2, 0), Version("fraud", "3", 400, 5, 1, 0)]
    days = [a_day(), a_day(), a_day(mature=False, frauds=100, caught=0)]
    assert [shown(t) for t in panels.tiles(versions, days, "BRL", STEADY)] == [
        "To review, last 24 h 20 2.00 % of 1,000 payments",
        "Declined, last 24 h 3 0.30 % of 1,000 payments",
        "Precision, mature days 60.0 % of 20 stopped",
        "Recall, mature days 75.0 % of 16 frauds",
        "Caught, mature days R$ 1,200 of R$ 1,600 fraud",
        "Score drift, stability index 0.000 stable",
    ]


def test_tiles_know_nothing_without_an_answer(shown: Shown) -> None:
    assert all("—" in shown(t) for t in panels.tiles([], [], "", NOTHING))


def test_drift_shows_in_its_tone() -> None:
    moved = Distributions([90_000] * 12, [30_000] * 2 + [10_000] * 10)
    drifted = Distributions([90_000] * 12, [99_000] + [1_000] * 11)
    tiles = [panels.tiles([], [], "", known)[-1] for known in (STEADY, moved, drifted)]
    assert [tile.children[2].c for tile in tiles] == ["var(--good)", "var(--late)", "var(--bad)"]


def test_the_queue_names_reasons_amount_and_age_and_shortens_the_card(shown: Shown) -> None:
    words = shown(panels.queue(good(a_suspect()), panels.SHOWN["all"]))
    assert "…f93bb310 …4f0c12ab 3 h decline" in words
    assert "90.0 % amount above usual, new seller, burst R$ 78.87" in words
    assert "payment-0000" not in words


@pytest.mark.parametrize(("choice", "seen"), [("all", [True, True]), ("review", [False, True]), ("decline", [True, False])])
def test_the_queue_shows_the_decisions_asked_for(shown: Shown, choice: str, seen: list[bool]) -> None:
    rows = [a_suspect(), a_suspect(payment_id="held-0000-0001", decision="review", probability=0.4)]
    words = shown(panels.queue(good(*rows), panels.SHOWN[choice]))
    assert ["…f93bb310" in words, "…000-0001" in words] == seen


def test_an_empty_queue_is_not_a_missing_one(shown: Shown) -> None:
    assert "Nothing to look at" in shown(panels.queue(good(), panels.SHOWN["review"]))
    assert "No payments scored yet" in shown(panels.queue(Answer(None, NOW), panels.SHOWN["review"]))
    torn = shown(panels.queue(TORN, panels.SHOWN["review"]))
    assert "Trino does not answer" in torn
    assert "No payments" not in torn


def test_every_choice_of_the_queue_has_its_decisions() -> None:
    assert layout.SHOWN.keys() == panels.SHOWN.keys()


def test_versions_tell_their_shares(shown: Shown) -> None:
    words = shown(panels.versions(good(Version("fraud", "4", 600, 15, 3, 6))))
    assert "fraud 4 600 2.50 % 0.50 % 1.00 %" in words


def test_labels_are_counted_apart_for_mature_and_young_days() -> None:
    words = panels.labels([a_day(), a_day(), a_day(mature=False, payments=500)], DELAY)
    assert "Mature: 2,000 payments, of which the bank called 16 fraud and cleared 6" in words
    assert "after 7 days without a finding" in words
    assert "Still maturing: 500 payments with 11 findings so far" in words
    assert "trained" not in words


def test_payments_that_were_scored_in_hindsight_are_said() -> None:
    assert "40 were scored more than a day after they were made" in panels.labels([a_day(in_hindsight=40)], DELAY)


def test_the_index_is_explained() -> None:
    assert panels.drift_note(STEADY).startswith("Stability index 0.000: stable. Below 0.1 is stable, from 0.25 on drifted")
    assert "among 120,000 payments now and 1.08 M before" in panels.drift_note(STEADY)
    assert "too few payments to tell" in panels.drift_note(Distributions([5] * 12, [1] * 12))
    assert "needs payments" in panels.drift_note(NOTHING)


def test_the_challenger_stands_beside_the_champion_each_by_its_own_decisions(shown: Shown) -> None:
    words = shown(panels.shadow(good(PAIR), DELAY))
    assert "4, champion 0.710 400 80.0 % R$ 9,700 R$ 3,000" in words
    assert "5, challenger 0.765 355 85.0 % R$ 10,500 R$ 3,000" in words
    assert "On 20,000 mature payments with 300 frauds, each by its own thresholds" in words


def test_who_decides_what_where_the_other_decides_otherwise_is_counted(shown: Shown) -> None:
    words = shown(panels.shadow(good(PAIR), DELAY))
    assert "Champion ↓ challenger → Approve Review Decline approve 970 12 0 review 8 0 0 decline 0 0 10" in words
    assert "the same decision on 98.00 % of 1,000 payments" in words
    assert "Correlation of probabilities 0.91" in words


def test_a_new_challenger_has_no_mature_payments_yet(shown: Shown) -> None:
    pair = Shadow(PAIR.agreement._replace(correlation=None), Ranking(0, 0, None, None), [])
    words = shown(panels.shadow(good(pair), DELAY))
    assert "5, challenger — — — — —" in words
    assert "No fraud among the payments of both that are 7 days old" in words
    assert "Correlation of probabilities —" in words


def test_without_a_challenger_one_sentence_says_so(shown: Shown) -> None:
    assert panels.NO_CHALLENGER in shown(panels.shadow(good(), DELAY))
    assert panels.NO_CHALLENGER in shown(panels.shadow(Answer(None, NOW), DELAY))
    torn = shown(panels.shadow(TORN, DELAY))
    assert "Trino does not answer" in torn
    assert panels.NO_CHALLENGER not in torn
