"""Decisions against the bank's findings per day of payment, as far as they are known."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from dashboards.pages.fraud.queries import Outcome

DAY = timedelta(days=1)


class Day(NamedTuple):
    """The payments of one day: stopped means held for review or declined, caught means stopped and
    called fraud.

    A day is mature when all its payments have waited long enough for their labels; then those
    without a finding count as legitimate. Before that its figures are what is known so far.
    """

    at: datetime
    mature: bool
    payments: int
    stopped: int
    frauds: int
    caught: int
    cleared: int
    caught_amount: Decimal
    missed_amount: Decimal
    in_hindsight: int

    @property
    def findings(self) -> int:
        """Return how many of the payments the bank has spoken about."""
        return self.frauds + self.cleared

    @property
    def precision(self) -> float | None:
        """Return the share of the stopped payments called fraud, null where nothing was stopped or
        nothing is known yet.
        """
        return self.caught / self.stopped if self.stopped and (self.mature or self.findings) else None

    @property
    def recall(self) -> float | None:
        """Return the share of the frauds that was stopped, null without frauds."""
        return self.caught / self.frauds if self.frauds else None


def days(rows: list[Outcome], currency: str, newest: datetime, label_delay: timedelta) -> list[Day]:
    """Return the days of these outcomes, oldest first; counts are of all currencies, amounts of
    one.
    """
    held: dict[datetime, list[Outcome]] = defaultdict(list)
    for row in rows:
        held[row.day].append(row)
    return [_day(at, held[at], currency, mature=at + DAY <= newest - label_delay) for at in sorted(held)]


def together(days: Iterable[Day], *, mature: bool) -> Day | None:
    """Return the sums of all mature days, or of all others; null where there are none."""
    chosen = [day for day in days if day.mature == mature]
    if not chosen:
        return None
    sums = [sum(column, type(column[0])()) for column in zip(*(day[2:] for day in chosen), strict=True)]
    return Day(chosen[0].at, mature, *sums)


def _day(at: datetime, rows: list[Outcome], currency: str, *, mature: bool) -> Day:
    frauds = [row for row in rows if row.fraud]
    caught, missed = ([row for row in frauds if row.stopped == stopped] for stopped in (True, False))
    return Day(
        at=at,
        mature=mature,
        payments=_payments(rows),
        stopped=_payments(row for row in rows if row.stopped),
        frauds=_payments(frauds),
        caught=_payments(caught),
        cleared=_payments(row for row in rows if row.fraud is False),
        caught_amount=_amount(caught, currency),
        missed_amount=_amount(missed, currency),
        in_hindsight=sum(row.in_hindsight for row in rows),
    )


def _payments(rows: Iterable[Outcome]) -> int:
    return sum(row.payments for row in rows)


def _amount(rows: Iterable[Outcome], currency: str) -> Decimal:
    return sum((row.amount for row in rows if row.currency == currency), Decimal())
