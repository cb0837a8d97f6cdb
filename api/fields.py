"""What fields of requests may hold, whatever they are of."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints

# As for the stream, where pipelines/silver/refining.py refuses what is earlier, or further ahead of
# the clock.
EARLIEST, CLOCK_AHEAD = datetime(2000, 1, 1, tzinfo=UTC), timedelta(minutes=10)
MOST_CHARACTERS = 200  # that silver takes of a text


def _plausible(event_at: datetime) -> datetime:
    if not EARLIEST <= event_at <= datetime.now(UTC) + CLOCK_AHEAD:
        raise ValueError("should be between 2000 and now")
    return event_at


def _whole(number: object) -> object:
    # JSON has no integers of its own: 3 and 3.0 are the same number.
    return int(number) if isinstance(number, float) and number.is_integer() else number


# Not only blanks, of any script, and no longer than silver takes, whatever the characters.
Text = Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS, pattern="[^\\s\\x00\u200b\ufeff]")]
# Blank where there is none, as in silver.
Id = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]
Count = Annotated[int, BeforeValidator(_whole)]
Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
