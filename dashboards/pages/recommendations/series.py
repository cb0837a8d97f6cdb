"""What was shown per step of a window and variant, as shares: a step in which nothing was shown is
a gap, and a step whose visitors may still click is young.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from dashboards.pages.recommendations.queries import Step

# What a visitor does later is not put down to what was shown.
COUNTS_FOR = timedelta(minutes=30)


class Window(NamedTuple):
    """What a reader looks at: its label, its length, and the length of a step."""

    label: str
    length: timedelta
    step: timedelta


WINDOWS = {
    "1h": Window("1 h", timedelta(hours=1), timedelta(minutes=5)),
    "6h": Window("6 h", timedelta(hours=6), timedelta(minutes=30)),
    "24h": Window("24 h", timedelta(hours=24), timedelta(hours=2)),
}


class Point(NamedTuple):
    """One step of one variant: lists shown, the share of them of which a product was viewed, the
    share of products that were clicked on the list; shares are null where nothing was shown.
    """

    at: datetime
    young: bool
    lists: int
    hit_rate: float | None
    click_through: float | None


def slots(newest: datetime, window: Window) -> list[datetime]:
    """Return the starts of a window's steps, the last holding `newest`."""
    last = _slot(newest, window.step)
    return [last - back * window.step for back in reversed(range(window.length // window.step))]


def points(rows: Iterable[Step], newest: datetime, window: Window) -> dict[str, list[Point]]:
    """Return each variant's even series."""
    found: dict[str, dict[datetime, Step]] = {}
    for row in rows:
        found.setdefault(row.variant, {})[_slot(row.at, window.step)] = row
    starts = slots(newest, window)
    return {
        variant: [_point(start, start + window.step > newest - COUNTS_FOR, held.get(start)) for start in starts]
        for variant, held in sorted(found.items())
    }


def _point(at: datetime, young: bool, row: Step | None) -> Point:
    if row is None:
        return Point(at, young, 0, None, None)
    return Point(at, young, row.lists, _share(row.hits, row.lists), _share(row.clicked, row.products))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _slot(at: datetime, step: timedelta) -> datetime:
    seconds = step.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)
