"""Rows per minute to even series: gaps are zeros, long windows are averaged, and the hour is
summed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from dashboards import currencies
from dashboards.pages.live.queries import Decided, Minute

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class Window(NamedTuple):
    """What a reader looks at: its label, its length, and how many minutes each point averages."""

    label: str
    minutes: int
    step: int


WINDOWS = {
    "30m": Window("30 min", 30, 1),
    "3h": Window("3 h", 180, 3),
    "24h": Window("24 h", 1440, 15),
}


class Point(NamedTuple):
    """Per-minute averages over one step of a window; conversion is null where nobody is known to
    have come.
    """

    at: datetime
    orders: float
    gmv: float
    conversion: float | None


class Totals(NamedTuple):
    """What one stretch of time brought in all."""

    orders: int
    gmv: Decimal
    sessions: int

    @property
    def conversion(self) -> float | None:
        """Orders per session, null where not every session is known: of a simulated past few
        are.
        """
        return self.orders / self.sessions if self.sessions >= max(self.orders, 1) else None


def main_currency(rows: Iterable[Minute]) -> str:
    """Return the currency with the most orders, in which the page shows amounts."""
    return currencies.main_currency((row.currency, row.orders) for row in rows)


def totals(rows: Iterable[Minute]) -> Totals:
    """Return the sums of these rows."""
    chosen = list(rows)
    return Totals(sum(r.orders for r in chosen), sum((r.gmv for r in chosen), Decimal()), sum(r.sessions for r in chosen))


def hour(rows: list[Minute], currency: str, ago: int = 0) -> Totals:
    """Return the totals of the 60 minutes that end with the newest one, or of the hour `ago` hours
    before.
    """
    if not rows:
        return totals(())
    end = max(row.minute for row in rows) - ago * HOUR
    return totals(row for row in rows if row.currency == currency and end - HOUR < row.minute <= end)


def covers(rows: list[Minute], span: timedelta) -> bool:
    """Return whether rows reach back that far from the newest one, so that it may be compared with
    what was before.
    """
    minutes = [row.minute for row in rows]
    return bool(minutes) and max(minutes) - min(minutes) >= span - MINUTE


def slots(newest: datetime, window: Window) -> list[datetime]:
    """Return the starts of a window's steps, the last holding `newest`."""
    last = _slot(newest, window.step)
    count = window.minutes // window.step
    return [last - timedelta(minutes=window.step * back) for back in range(count - 1, -1, -1)]


def points(rows: list[Minute], currency: str, window: Window) -> list[Point]:
    """Return a window's even series of one currency; a step without rows sold nothing."""
    if not rows:
        return []
    held: dict[datetime, list[Minute]] = defaultdict(list)
    for row in rows:
        if row.currency == currency:
            held[_slot(row.minute, window.step)].append(row)
    newest = max(row.minute for row in rows)
    starts = slots(newest, window)
    return [_point(start, held[start], _minutes_begun(start, newest, window.step)) for start in starts]


def decided(rows: list[Decided], decision: str, starts: list[datetime]) -> list[float]:
    """Return payments per minute with one decision, for each step."""
    step = int((starts[1] - starts[0]) / MINUTE)
    counts: Counter[datetime] = Counter()
    for row in rows:
        if row.decision == decision:
            counts[_slot(row.minute, step)] += row.payments
    newest = max((row.minute for row in rows), default=starts[-1])
    return [counts[start] / _minutes_begun(start, newest, step) for start in starts]


def share(rows: list[Decided], decision: str) -> float | None:
    """Return the share of payments of the newest 60 minutes with one decision, null without
    payments.
    """
    end = max((row.minute for row in rows), default=datetime.min.replace(tzinfo=UTC))
    last = [row for row in rows if row.minute > end - HOUR] if rows else []
    payments = sum(row.payments for row in last)
    return sum(row.payments for row in last if row.decision == decision) / payments if payments else None


def _slot(at: datetime, step: int) -> datetime:
    seconds = 60 * step
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def _minutes_begun(start: datetime, newest: datetime, step: int) -> int:
    """Return how many minutes of a step have begun: the last step of a long window is not full."""
    return max(1, min(step, int((newest - start) / MINUTE) + 1))


def _point(at: datetime, rows: list[Minute], begun: int) -> Point:
    sums = totals(rows)
    return Point(at, sums.orders / begun, float(sums.gmv) / begun, sums.conversion)
