"""What the live page knows: each question with how often it may be asked, shared by all open
pages.
"""

from datetime import UTC, datetime, timedelta

from dashboards.cache import Answer, Cached
from dashboards.pages.live import queries
from dashboards.trino import Ask

REFRESH_S = 3.0
# What a table gets every ten seconds (conf/base.toml) need not be asked for more often: each
# question takes Trino a fifth of a CPU-second.
SLOW_S = 3 * REFRESH_S
RECENT_MINUTES = 181
DAY_MINUTES = 1441
LATELY_H = 1 / 6  # an hour would still show the backlog that a start has worked off


class Board:
    """Every question of the page, put to one Trino; calling one costs a query at most once per its
    interval.
    """

    def __init__(self, ask: Ask) -> None:
        self.newest: datetime | None = None
        self.recent = Cached("recent", lambda: self._minutes(ask, RECENT_MINUTES), SLOW_S)
        self.day = Cached("day", lambda: self._minutes(ask, DAY_MINUTES), 10 * REFRESH_S)
        self.orders = Cached("orders", lambda: queries.newest_orders(ask, self.since(1)), REFRESH_S)
        self.scores = Cached("scores", lambda: queries.newest_scores(ask, self.since(1)), 2 * REFRESH_S)
        self.decisions = Cached("decisions", lambda: queries.decisions(ask, self.since(3)), SLOW_S)
        self.decisions_of_day = Cached("decisions_of_day", lambda: queries.decisions(ask, self.since(24)), 10 * REFRESH_S)
        self.latency = Cached("latency", lambda: queries.latency(ask, self.since(1), self.since(LATELY_H)), SLOW_S)
        self.freshness = Cached("freshness", lambda: queries.freshness(ask), SLOW_S)

    def _minutes(self, ask: Ask, count: int) -> list[queries.Minute]:
        """Return the newest `count` minutes; files that are older are not looked into."""
        newest = self.newest or queries.newest_minute(ask)
        rows = queries.minutes(ask, newest - timedelta(minutes=count - 1)) if newest else []
        self.newest = rows[-1].minute if rows else None
        return rows

    def minutes(self, window_minutes: int) -> Answer[list[queries.Minute]]:
        """Return the business metrics that cover a window."""
        return self.recent() if window_minutes < RECENT_MINUTES else self.day()

    def decided(self, window_minutes: int) -> Answer[list[queries.Decided]]:
        """Return payments per minute and decision that cover a window."""
        return self.decisions() if window_minutes < RECENT_MINUTES else self.decisions_of_day()

    def since(self, hours: float) -> datetime:
        """Return the time `hours` before the newest minute known, so that replayed and accelerated
        clocks work too.
        """
        rows = self.recent().rows
        newest = rows[-1].minute if rows else datetime.now(UTC)
        return newest - timedelta(hours=hours)
