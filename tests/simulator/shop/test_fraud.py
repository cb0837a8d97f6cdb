"""Frauds: named campaigns that no single field of a payment gives away, and labels that come days
later.
"""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest

from simulator.event import Event
from simulator.shop.fraud import KINDS, SHARE
from simulator.shop.payments import REPORTED

DAY = 86_400_000_000
# Payments before this have their label at the end of the five weeks.
MATURE = 1_767_571_200_000_000 + 28 * DAY


@pytest.fixture(scope="module")
def findings(history: list[Event]) -> dict[str, dict[str, Any]]:
    return {event.key: event.record for event in history if event.topic == "shop.chargebacks"}


@pytest.fixture(scope="module")
def payments(history: list[Event]) -> list[dict[str, Any]]:
    return [event.record for event in history if event.topic == "shop.payments" and event.at < MATURE]


@pytest.fixture(scope="module")
def frauds(payments: list[dict[str, Any]], findings: dict[str, dict[str, Any]]) -> np.ndarray:
    return np.array([findings.get(p["payment_id"], {"fraud": False})["fraud"] for p in payments])


def area(values: np.ndarray, truth: np.ndarray) -> float:
    """Probability that a fraud has the larger value, ties counted half (Mann and Whitney, 1947)."""
    low, high = (
        np.searchsorted(np.sort(values[~truth]), values[truth]),
        np.searchsorted(np.sort(values[~truth]), values[truth], "right"),
    )
    return float(((low + high) / 2).mean() / (~truth).sum())


def test_about_one_payment_in_a_hundred_is_fraud(frauds: np.ndarray) -> None:
    """Campaigns are few and of very different sizes, so the share of one month scatters widely."""
    assert 0.5 * SHARE < frauds.mean() / REPORTED < 1.7 * SHARE


def test_every_kind_of_campaign_and_cleared_disputes_happen(findings: dict[str, dict[str, Any]]) -> None:
    reasons = Counter(finding["reason"] for finding in findings.values())
    assert set(reasons) == {*KINDS, "dispute_cleared"}
    assert min(reasons.values()) >= 10


def test_the_bank_reports_two_to_six_days_after_the_payment(history: list[Event]) -> None:
    paid = {e.record["payment_id"]: e.record for e in history if e.topic == "shop.payments"}
    for event in history:
        if event.topic == "shop.chargebacks":
            payment, delay = paid[event.key], event.at - paid[event.key]["event_at"]
            assert event.record["card_id"] == payment["card_id"]
            assert 2 * DAY <= delay <= (6 if event.record["fraud"] else 12) * DAY
            assert event.record["amount"] in ({0, payment["amount"]} if event.record["fraud"] else {0})


@pytest.mark.parametrize("field", ["amount", "installments", "attempt_number", "latitude", "longitude"])
def test_no_number_separates_frauds(field: str, payments: list[dict[str, Any]], frauds: np.ndarray) -> None:
    """A rule on one number is worth little: its area stays between 0.3 and 0.7, where 0.5 is a
    coin.
    """
    values = np.array([payment[field] if payment[field] is not None else 0.0 for payment in payments])
    assert 0.3 < area(values, frauds) < 0.7


@pytest.mark.parametrize("field", ["country", "method", "channel", "three_d_secure", "seller_id"])
def test_no_value_of_a_field_means_fraud(field: str, payments: list[dict[str, Any]], frauds: np.ndarray) -> None:
    """Every value that a hundred payments have is mostly honest."""
    counts: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for payment, fraud in zip(payments, frauds, strict=True):
        counts[payment[field]][int(fraud)] += 1
    assert all(bad < 0.5 * (good + bad) for good, bad in counts.values() if good + bad >= 100)


@pytest.mark.parametrize("field", ["country", "method", "channel", "device_id"])
def test_frauds_mostly_look_like_honest_payments(field: str, payments: list[dict[str, Any]], frauds: np.ndarray) -> None:
    """At least half of the frauds have a value that honest payments have too, or one as new as many
    honest ones are.
    """
    seen: set[str] = set()
    kinds = []
    for payment in payments:
        kinds.append(payment[field] if field != "device_id" else str(payment[field] in seen))
        seen.add(payment[field])
    honest = {kind for kind, fraud in zip(kinds, frauds, strict=True) if not fraud}
    assert sum(kind in honest for kind, fraud in zip(kinds, frauds, strict=True) if fraud) > 0.5 * frauds.sum()


def test_what_came_before_gives_frauds_away(payments: list[dict[str, Any]], frauds: np.ndarray) -> None:
    """Short gaps on a card tell much more than any field: there is something to learn."""
    last: dict[str, int] = {}
    gaps = []
    for payment in payments:
        gaps.append(payment["event_at"] - last.get(payment["card_id"], payment["event_at"] - 60 * DAY))
        last[payment["card_id"]] = payment["event_at"]
    assert area(-np.array(gaps), frauds) > 0.7


def test_honest_cards_are_used_again_within_the_hour_too(payments: list[dict[str, Any]], frauds: np.ndarray) -> None:
    """Retries and forgotten things make honest bursts: the rule "again within an hour" is wrong at
    least one time in five.
    """
    last: dict[str, int] = {}
    again = []
    for payment in payments:
        again.append(payment["event_at"] - last.get(payment["card_id"], 0) < DAY // 24)
        last[payment["card_id"]] = payment["event_at"]
    quick = np.array(again)
    assert (quick & ~frauds).sum() > 0.2 * quick.sum()


def test_frauds_come_in_groups(payments: list[dict[str, Any]], frauds: np.ndarray) -> None:
    """Some cards and some devices carry several frauds."""
    for field in ("card_id", "device_id"):
        groups = Counter(p[field] for p, fraud in zip(payments, frauds, strict=True) if fraud)
        assert max(groups.values()) >= 4


def test_most_frauds_come_through_a_brazilian_address(payments: list[dict[str, Any]], frauds: np.ndarray) -> None:
    """A rule "from abroad" misses half of the frauds, and blames mostly honest travellers."""
    abroad = np.array([payment["country"] != "BR" for payment in payments])
    assert (abroad & frauds).sum() < 0.5 * frauds.sum()
    assert (abroad & frauds).sum() < 0.5 * abroad.sum()
