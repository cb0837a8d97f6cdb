"""Simulated payments are the shop's own, in order of time, with the labels that the bank has given
by the end.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.receipt import ReceiptError
from benchmarks.support import simulated_payments
from benchmarks.support.simulated_payments import Past, labelled
from simulator.shop.fraud import KINDS

OPENED = date(2025, 1, 1)
PAST = Past(seed=3, opened=OPENED, days=12, orders_per_day=200)
START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def paid() -> pa.Table:
    """The payments of a small shop."""
    return simulated_payments.payments(PAST)


def test_they_lie_in_their_days_in_order_of_time_at_about_the_wanted_rate(paid):
    times = paid["event_at"].to_pylist()
    assert times == sorted(times)
    assert START <= times[0] < times[-1] < START + timedelta(days=12)
    assert len(times) == pytest.approx(12 * 200, rel=0.3)


def test_frauds_have_campaigns_and_honest_payments_have_none(paid):
    rows = paid.select(["fraud", "campaign"]).to_pylist()
    assert {row["campaign"] for row in rows if row["fraud"]} <= KINDS.keys()
    assert {row["campaign"] for row in rows if not row["fraud"]} <= {"", "dispute_cleared"}
    assert any(row["fraud"] for row in rows)


def test_nothing_is_found_before_the_payment_or_after_the_end(paid):
    for row in paid.select(["event_at", "findings"]).to_pylist():
        for finding in row["findings"] or []:
            assert row["event_at"] + timedelta(days=2) <= finding["found_at"] < START + timedelta(days=12)


def test_the_same_past_gives_the_same_payments_and_another_seed_others(paid):
    assert simulated_payments.payments(PAST).equals(paid)
    assert not simulated_payments.payments(Past(4, OPENED, 12, 200)).equals(paid)


def test_amounts_are_units_with_cents(paid):
    assert paid["amount"].type == pa.decimal128(12, 2)
    assert 10 < sum(paid["amount"].to_pylist()) / len(paid) < 1000


def test_what_the_bank_found_last_counts():
    three = pa.table({"payment_id": ["p0", "p1", "p2"]})
    found = [
        {"payment_id": "p0", "event_at": 10, "fraud": True, "reason": "stolen_card"},
        {"payment_id": "p2", "event_at": 15, "fraud": True, "reason": "card_testing"},
        {"payment_id": "p0", "event_at": 20, "fraud": False, "reason": "dispute_cleared"},
    ]
    made = labelled(three, found)
    assert made["fraud"].to_pylist() == [False, False, True]
    assert made["campaign"].to_pylist() == ["dispute_cleared", "", "card_testing"]
    assert [None if listed is None else [one["fraud"] for one in listed] for listed in made["findings"].to_pylist()] == [
        [True, False],
        None,
        [True],
    ]


def test_a_file_keeps_them_and_is_not_taken_for_those_of_another_past(paid, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(simulated_payments, "payments", lambda past: paid)
    file = tmp_path / "paid.parquet"
    assert simulated_payments.cached(PAST, file) is paid
    monkeypatch.delattr(simulated_payments, "payments")
    assert simulated_payments.cached(PAST, file).equals(paid)
    with pytest.raises(ReceiptError, match=r"paid\.parquet does not hold the payments of .*seed=4"):
        simulated_payments.cached(Past(4, OPENED, 12, 200), file)
