"""What the recommendations page knows: each question with how often it may be asked, shared by all
open pages.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from dashboards.cache import Answer, Cached
from dashboards.pages.recommendations import queries
from dashboards.pages.recommendations.queries import Click, Covered, Measured, Recommended, Step, Trend, Wins
from dashboards.pages.recommendations.series import WINDOWS
from dashboards.trino import Ask, Unanswered

REFRESH_S = 15.0
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAYS_COMPARED = 28
SESSIONS_REMEMBERED = 64
# A window of an hour begins every quarter: the last to begin so long ago holds the newest click.
FULL_FROM = timedelta(minutes=45)
BEFORE_A_LIST = timedelta(hours=2)

Found = TypeVar("Found")


class Dated(NamedTuple, Generic[Found]):
    """What was found, with the time of the newest list it was asked at."""

    newest: datetime
    found: Found


class Experiment(NamedTuple):
    """What each variant brought."""

    measured: list[Measured]
    wins: Wins


class Coverage(NamedTuple):
    """Products shown per variant, and how many there are."""

    covered: list[Covered]
    catalogue: int


class Trending(NamedTuple):
    """The products with most visits in the newest hour, and their categories where known."""

    trends: list[Trend]
    categories: dict[str, str]


class Seen(NamedTuple):
    """One session's list with the session's last clicks and the categories of what is on it."""

    recommended: Recommended
    clicks: list[Click]
    categories: dict[str, str]


class Board:
    """Every question of the page, put to one Trino; calling one costs its queries at most once per
    its interval.

    Time is that of the newest click with a list, so that replayed and accelerated clocks work too;
    without one nothing is asked.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.newest = Cached("newest_list", lambda: queries.newest(ask), REFRESH_S)
        self.sessions = self._dated("sessions", lambda at: queries.sessions(ask, at - DAY), REFRESH_S)
        self.made = self._dated("made", lambda at: queries.made(ask, at - HOUR), 2 * REFRESH_S)
        self.experiment = self._dated("experiment", self._experiment, 4 * REFRESH_S)
        self.coverage = self._dated("coverage", self._coverage, 8 * REFRESH_S)
        self.trending = self._dated("trending", self._trending, 4 * REFRESH_S)
        self._steps = {name: self._dated(f"steps_{name}", self._steps_of(name), 2 * REFRESH_S) for name in WINDOWS}
        self._seen = lru_cache(SESSIONS_REMEMBERED)(self._question_of_session)

    def steps(self, window: str) -> Answer[Dated[list[Step]] | None]:
        """Return what was shown per step of a window."""
        return self._steps[window]()

    def seen(self, session_id: str) -> Answer[Seen | None]:
        """Return one session's list and what led to it; no rows where the session has none."""
        return self._seen(session_id)()

    def _steps_of(self, name: str) -> Callable[[datetime], list[Step]]:
        window = WINDOWS[name]
        return lambda at: queries.steps(self._ask, at - window.length, int(window.step.total_seconds()))

    def _experiment(self, newest: datetime) -> Experiment:
        since = newest - DAYS_COMPARED * DAY
        measured = [*queries.conversions(self._ask, since), *queries.outcomes(self._ask, since)]
        return Experiment(measured, queries.wins(self._ask, since))

    def _coverage(self, newest: datetime) -> Coverage:
        return Coverage(queries.covered(self._ask, newest - DAY), queries.catalogue(self._ask))

    def _trending(self, newest: datetime) -> Trending:
        trends = queries.trends(self._ask, newest - DAY, newest - FULL_FROM)
        return Trending(trends, queries.categories(self._ask, [trend.product_id for trend in trends], newest - DAY))

    def _question_of_session(self, session_id: str) -> Cached[Seen | None]:
        return Cached("session", lambda: self._session(session_id), REFRESH_S)

    def _session(self, session_id: str) -> Seen | None:
        found = queries.recommended(self._ask, session_id)
        if found is None:
            return None
        clicks = queries.clicks(self._ask, session_id, found.event_at - BEFORE_A_LIST, found.event_at)
        products = sorted({*found.products, *(click.product_id for click in clicks)})
        return Seen(found, clicks, queries.categories(self._ask, products, found.event_at - DAY))

    def _dated(self, name: str, question: Callable[[datetime], Found], every_s: float) -> Cached[Dated[Found] | None]:
        def dated() -> Dated[Found] | None:
            answer = self.newest()
            if answer.problem:
                raise Unanswered(answer.problem)
            return None if answer.rows is None else Dated(answer.rows, question(answer.rows))

        return Cached(name, dated, every_s)
