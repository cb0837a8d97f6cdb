"""A window of time, half open: what lies in it is at or after its start and before its end."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pipelines.base.errors import SettingsError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What commands take for a moment: a day, or a time with or without its offset from UTC.
FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S%z"]


@dataclass(frozen=True)
class Window:
    """From `start` on and before `end`; times without an offset are UTC.

    Raises SettingsError where the end is not after the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Give both times their offset."""
        object.__setattr__(self, "start", _utc(self.start))
        object.__setattr__(self, "end", _utc(self.end))
        if self.end <= self.start:
            raise SettingsError(f"The window from {self.start} to {self.end} is empty: let it end after its start.")

    @classmethod
    def of_us(cls, start_us: int, end_us: int) -> Self:
        """Return the window between two moments in microseconds since 1970."""
        return cls(EPOCH + timedelta(microseconds=start_us), EPOCH + timedelta(microseconds=end_us))

    def holds(self, moment: Any) -> Any:
        """Return whether a moment lies in the window: one column for a column of Spark's or
        pandas', a bool for a datetime.
        """
        return (moment >= self.start) & (moment < self.end)

    def __str__(self) -> str:
        return f"from {self.start.isoformat()} to {self.end.isoformat()}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# In which things happen and records arrive: what lies outside is a mistake, or no time at all.
OUR_TIMES = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
