"""Bounds that hold for every silver table, by the types of its columns: what silver accepts, all
that is behind it can digest.

Avro allows any bytes as a text, any 64 bits as a time, and texts of any length. Python, Arrow and
pyiceberg cannot read a text that is no UTF-8 or a time of the year 200,000; a text of a megabyte is
no key of a store.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, StringType, StructType

from pipelines.base.placeholders import BLANKS
from pipelines.base.window import OUR_TIMES
from pipelines.table import Column as TableColumn

Rules = Mapping[str, Callable[[Column], Column]]

WORD = 80  # bytes of a word of the business, such as a status: the list of them is open
TOGETHER = 100_000  # bytes of all of a record's texts
# Clocks of producers may be a little ahead; what claims to be from further in the future would drag
# watermarks along, and hide what is newest.
CLOCK_AHEAD_US = 10 * 60 * 1_000_000


def bounds(columns: Sequence[TableColumn]) -> Rules:
    """Return the rules, by name, that follow from the types of columns that a producer fills.

    They look at an event, and at the column `timestamp` of its record. `event_at` has bounds of its
    own in `refusal`.
    """
    texts = [column for column in columns if column.type == "string"]
    times = [column for column in columns if column.type == "timestamp" and column.name != "event_at"]
    of_ids = [column for column in texts if column.required and column.name.endswith("_id")]
    identities = [column.name for column in of_ids if not column.may_be_blank]
    rules: dict[str, Callable[[Column], Column]] = {
        "texts_are_utf8": lambda event: F.is_valid_utf8(_together(event, columns)),
        "texts_together_up_to_100_kb": lambda event: F.octet_length(_together(event, columns)) <= TOGETHER,
        **{f"{name}_not_blank": not_blank(name) for name in identities},
        **{f"{column.name}_up_to_{column.longest}_bytes": _up_to(column) for column in texts},
        **{f"{time.name}_between_2000_and_2100": _in_our_times(time.name) for time in times},
        **{f"{time.name}_not_in_the_future": _has_been(time.name) for time in times if not time.may_be_ahead},
    }
    if any(column.name == "currency" for column in columns):
        rules["currency_has_three_letters"] = lambda event: event["currency"].rlike("^[A-Z]{3}\\z")
    return rules


def not_blank(name: str) -> Callable[[Column], Column]:
    """Return the rule that a text says something."""
    return lambda event: says_something(event[name])


def says_something(text: Column) -> Column:
    """Return whether a text holds more than blanks of any script."""
    return F.trim(text, F.lit(BLANKS)) != ""


def _up_to(column: TableColumn) -> Callable[[Column], Column]:
    return lambda event: F.coalesce(F.octet_length(event[column.name]), F.lit(0)) <= column.longest


def _in_our_times(name: str) -> Callable[[Column], Column]:
    return lambda event: between_2000_and_2100(event[name])


def _has_been(name: str) -> Callable[[Column], Column]:
    return lambda event: ~F.coalesce(is_ahead(event[name], F.col("timestamp")), F.lit(False))


def is_ahead(time: Column, appended_at: Column) -> Column:
    """Return whether a time is further in the future, seen from a record's arrival, than a clock
    may be ahead.
    """
    # Compared as numbers: Spark adds an interval to a timestamp by way of the calendar, record by
    # record.
    return F.unix_micros(time) > F.unix_micros(appended_at) + CLOCK_AHEAD_US


def between_2000_and_2100(time: Column) -> Column:
    """Return whether a time lies between the bounds; none is no fault."""
    is_ours: Column = OUR_TIMES.holds(time)
    return time.isNull() | is_ours


def _together(event: Column, columns: Sequence[TableColumn]) -> Column:
    """Return all texts of a record as one, with an ASCII mark between them: it is UTF-8 where each
    of them is, because no sequence of UTF-8 goes on behind such a mark.
    """
    return F.concat_ws("|", *(text for column in columns for text in _texts(event[column.name], DataType.fromDDL(column.type))))


def _texts(value: Column, kind: DataType) -> Iterator[Column]:
    """Yield the texts in a value: itself, the elements of an array, or what its structs hold."""
    if isinstance(kind, StringType) or (isinstance(kind, ArrayType) and isinstance(kind.elementType, StringType)):
        yield value
    elif isinstance(kind, ArrayType) and isinstance(kind.elementType, StructType):
        yield from (value[field.name] for field in kind.elementType if isinstance(field.dataType, StringType))
