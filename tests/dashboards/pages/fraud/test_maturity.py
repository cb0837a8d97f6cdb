"""Judged days against counting payment by payment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from dashboards.pages.fraud import maturity
from dashboards.pages.fraud.queries import Outcome

NEWEST = datetime(2026, 11, 22, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
DELAY = timedelta(days=7)


class Payment(NamedTuple):
    back: int
    currency: str
    stopped: bool
    fraud: bool | None
    cents: int
    in_hindsight: bool


payments = st.lists(
    st.builds(
        Payment,
        st.integers(0, 12),
        st.sampled_from(["BRL", "EUR"]),
        st.booleans(),
        st.sampled_from([True, False, None]),
        st.integers(1, 10**6),
        st.booleans(),
    ),
    max_size=60,
)


def grouped(single: list[Payment]) -> list[Outcome]:
    """What the query makes of single payments."""
    groups: dict[tuple[int, str, bool, bool | None], list[Payment]] = {}
    for p in single:
        groups.setdefault((p.back, p.currency, p.stopped, p.fraud), []).append(p)
    return [
        Outcome(
            MIDNIGHT - timedelta(days=back),
            currency,
            stopped,
            fraud,
            len(held),
            Decimal(sum(p.cents for p in held)) / 100,
            sum(p.in_hindsight for p in held),
        )
        for (back, currency, stopped, fraud), held in groups.items()
    ]


@given(payments)
def test_days_count_every_payment_once(single: list[Payment]) -> None:
    days = maturity.days(grouped(single), "BRL", NEWEST, DELAY)
    assert [day.at for day in days] == sorted({MIDNIGHT - timedelta(days=p.back) for p in single})
    for day in days:
        there = [p for p in single if MIDNIGHT - timedelta(days=p.back) == day.at]
        frauds = [p for p in there if p.fraud]
        assert day.payments == len(there)
        assert day.stopped == sum(p.stopped for p in there)
        assert (day.frauds, day.caught) == (len(frauds), sum(p.stopped for p in frauds))
        assert day.cleared == sum(p.fraud is False for p in there)
        assert day.caught_amount == Decimal(sum(p.cents for p in frauds if p.stopped and p.currency == "BRL")) / 100
        assert day.missed_amount == Decimal(sum(p.cents for p in frauds if not p.stopped and p.currency == "BRL")) / 100
        assert day.in_hindsight == sum(p.in_hindsight for p in there)


@given(payments)
def test_together_is_the_sum_of_the_days(single: list[Payment]) -> None:
    days = maturity.days(grouped(single), "BRL", NEWEST, DELAY)
    for mature in (True, False):
        chosen = [day for day in days if day.mature == mature]
        summed = maturity.together(days, mature=mature)
        assert (summed is None) == (not chosen)
        if summed:
            assert summed.payments == sum(day.payments for day in chosen)
            assert summed.caught_amount == sum(day.caught_amount for day in chosen)
            assert summed.in_hindsight == sum(day.in_hindsight for day in chosen)


def day(back: int) -> Outcome:
    return Outcome(MIDNIGHT - timedelta(days=back), "BRL", True, True, 3, Decimal(30), 0)


def test_a_day_is_mature_when_its_last_payment_has_waited_long_enough() -> None:
    days = maturity.days([day(7), day(8)], "BRL", NEWEST, DELAY)
    assert [d.mature for d in days] == [True, False]
    at_midnight = maturity.days([day(8)], "BRL", MIDNIGHT, DELAY)
    just_before = maturity.days([day(8)], "BRL", MIDNIGHT - timedelta(microseconds=1), DELAY)
    assert [d.mature for d in (*at_midnight, *just_before)] == [True, False]


def test_precision_and_recall() -> None:
    rows = [
        day(0),
        day(0)._replace(fraud=None, payments=1),
        day(0)._replace(fraud=False, payments=2),
        day(0)._replace(stopped=False, payments=9),
    ]
    (judged,) = maturity.days(rows, "BRL", NEWEST, DELAY)
    assert (judged.precision, judged.recall) == (3 / 6, 3 / 12)


def test_nothing_stopped_has_no_precision_and_nothing_found_no_recall() -> None:
    (judged,) = maturity.days([day(0)._replace(stopped=False, fraud=None)], "BRL", NEWEST, DELAY)
    assert (judged.precision, judged.recall) == (None, None)


def test_a_young_day_without_findings_has_no_precision_yet() -> None:
    unknown = day(0)._replace(fraud=None)
    young, mature = (maturity.days([unknown], "BRL", NEWEST + timedelta(days=back), DELAY)[0] for back in (0, 8))
    assert (young.precision, mature.precision) == (None, 0)
