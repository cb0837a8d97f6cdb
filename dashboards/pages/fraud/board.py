"""What the fraud page knows: each question with how often it may be asked, shared by all open
pages.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from dashboards.cache import Cached
from dashboards.pages.fraud import queries, shadow
from dashboards.pages.fraud.drift import EDGES
from dashboards.trino import Ask, Unanswered

REFRESH_S = 15.0
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
DAYS_JUDGED = 28

Row = TypeVar("Row")


class Dated(NamedTuple, Generic[Row]):
    """Rows with the time of the newest payment they were asked at."""

    newest: datetime
    rows: list[Row]


class Board:
    """Every question of the page, put to one Trino; calling one costs a query at most once per
    its interval.

    Time is that of the newest scored payment, so that replayed and accelerated clocks work too;
    without one nothing is asked.
    """

    def __init__(self, ask: Ask, label_delay: timedelta) -> None:
        self.label_delay = label_delay
        self.newest = Cached("newest_payment", lambda: queries.newest(ask), REFRESH_S)
        self.queue = self._dated("queue", lambda at: queries.queue(ask, at - DAY), REFRESH_S)
        self.versions = self._dated("versions", lambda at: queries.versions(ask, at - DAY), REFRESH_S)
        self.scored = self._dated("scored", lambda at: queries.scored(ask, EDGES, at - DAY, at - DAY - WEEK), 2 * REFRESH_S)
        self.outcomes = self._dated("outcomes", lambda at: queries.outcomes(ask, first_day(at)), 4 * REFRESH_S)
        self.shadow = self._dated("shadow", lambda at: self._shadow(ask, at), 8 * REFRESH_S)

    def _shadow(self, ask: Ask, newest: datetime) -> list[shadow.Shadow]:
        return shadow.shadows(ask, newest - DAY, first_day(newest), midnight(newest - self.label_delay))

    def _dated(self, name: str, question: Callable[[datetime], list[Row]], every_s: float) -> Cached[Dated[Row] | None]:
        def dated() -> Dated[Row] | None:
            answer = self.newest()
            if answer.problem:
                raise Unanswered(answer.problem)
            return None if answer.rows is None else Dated(answer.rows, question(answer.rows))

        return Cached(name, dated, every_s)


def first_day(newest: datetime) -> datetime:
    """Return the midnight from which payments are judged, so that every day is a whole one but the
    last.
    """
    return midnight(newest) - (DAYS_JUDGED - 1) * DAY


def midnight(at: datetime) -> datetime:
    """Return when the day of a time began."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
