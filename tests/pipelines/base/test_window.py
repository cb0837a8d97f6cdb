"""A window holds its start and not its end, in UTC, whatever offset its times are given with."""

from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from pipelines.base.errors import SettingsError
from pipelines.base.window import FORMATS, Window

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(microseconds=1)


def test_it_holds_its_start_and_not_its_end() -> None:
    window = Window(NOON, NOON + HOUR)
    moments = [NOON - SECOND, NOON, NOON + HOUR - SECOND, NOON + HOUR]
    assert [window.holds(moment) for moment in moments] == [False, True, True, False]
    assert window.holds(pd.Series(moments)).tolist() == [False, True, True, False]


def test_times_without_an_offset_are_utc_and_those_with_one_are_the_same_moment() -> None:
    east = timezone(timedelta(hours=3))
    assert Window(datetime(2026, 11, 22, 12), datetime(2026, 11, 22, 16, tzinfo=east)) == Window(NOON, NOON + HOUR)
    assert str(Window(NOON, NOON + HOUR)) == "from 2026-11-22T12:00:00+00:00 to 2026-11-22T13:00:00+00:00"


def test_microseconds_since_1970_are_exact() -> None:
    window = Window.of_us(1_790_000_000_000_001, 1_790_000_000_000_002)
    assert window.holds(window.start)
    assert window.end - window.start == SECOND
    assert Window.of_us(0, 1).start == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("end", [NOON, NOON - HOUR])
def test_an_empty_window_is_refused(end: datetime) -> None:
    with pytest.raises(SettingsError, match="is empty: let it end after its start"):
        Window(NOON, end)


@pytest.mark.parametrize(
    "text",
    ["2026-11-22", "2026-11-22T00:00:00", "2026-11-22 00:00:00", "2026-11-22T00:00:00.5", "2026-11-22T00:00:00Z"],
)
def test_a_command_takes_days_and_times(text: str) -> None:
    def read(pattern: str) -> datetime | None:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            return None

    (moment,) = filter(None, map(read, FORMATS))
    assert abs(Window(moment, NOON).start - datetime(2026, 11, 22, tzinfo=UTC)) < HOUR
