"""How rows are merged into a table by its key, so that doing it again changes nothing."""

from collections.abc import Collection, Set
from functools import reduce
from operator import and_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.base.arrays import DAY_US, HOUR_US
from pipelines.lake.catalog import full_name
from pipelines.table import Merge, Table

ARRIVING = "arriving"
# Of so many rows every key is named to Iceberg, which then reads only files that may hold them.
FEW = 1000
TIME = "timestamp"


def merge_into(rows: DataFrame, table: Table) -> None:
    """Merge rows into a table by key, in the way the table is written (`Merge`).

    Where an arriving row always replaces the one that is there, `rows` has one row per key.
    Raises TypeError for a table that is only appended to.
    """
    if not isinstance(table.written, Merge):
        raise TypeError(f"{table.name} is appended to, never merged.")
    arriving = one_per_key(rows, table, table.written).persist()
    try:
        _merge(arriving, table, table.written)
    finally:
        arriving.unpersist()


def _merge(arriving: DataFrame, table: Table, written: Merge) -> None:
    there, conditions = full_name(table), near(arriving, table)
    if conditions is None:
        return  # a merge of nothing would read the whole table
    same_key = [F.col(f"{there}.{name}") == F.col(f"{ARRIVING}.{name}") for name in table.key]
    # By name: the table may have columns that somebody has added, which are theirs.
    columns = {name: F.col(f"{ARRIVING}.{name}") for name in table.column_names}
    merge = arriving.alias(ARRIVING).mergeInto(there, reduce(and_, [*same_key, *conditions]))
    if not written.keep_first:
        merge = merge.whenMatched(_is_newer(there, written)).update(columns)
    merge.whenNotMatched().insert(columns).merge()


def _is_newer(there: str, written: Merge) -> Column | None:
    """Return whether an arriving row is newer than the one there; None where it always counts."""
    if not written.newest_by:
        return None
    arrived, found = (F.struct(*(F.col(f"{side}.{name}") for name in written.newest_by)) for side in (ARRIVING, there))
    return arrived > found


def near(arriving: DataFrame, table: Table) -> list[Column] | None:
    """Return what is true of every row of the table that has the key of an arriving one, in
    constants: the files in which it is true of none are not read. Of more than FEW rows only the
    times are named; None where no row arrives.

    It never leaves out a row of the same key, because it says nothing of other columns than the
    key.
    """
    types = {column.name: column.type for column in table.columns}
    times = [name for name in table.key if types[name] == TIME]
    # As numbers: Python would take Spark's timestamps for times of its own time zone.
    keys = arriving.select(*(F.unix_micros(name).alias(name) if name in times else F.col(name) for name in table.key))
    found = keys.limit(FEW + 1).collect()
    if not found:
        return None
    if len(found) > FEW:
        return [_between(table, name, _first_and_last(keys, name)) for name in times]
    values = {name: {row[name] for row in found} for name in table.key}
    return [_between(table, name, each) if name in times else _one_of(table, name, each) for name, each in values.items()]


def _one_of(table: Table, name: str, values: Set[Any]) -> Column:
    return F.col(f"{full_name(table)}.{name}").isin(*sorted(values))


def _between(table: Table, name: str, times_us: Collection[int]) -> Column:
    """Return whether a time lies between these, in microseconds since 1970: by whole days, or by
    whole hours where these are the table's partitions, so that the code that Spark makes of it is
    the same for as long.
    """
    step = HOUR_US if f"hours({name})" in table.partitioning else DAY_US
    first, behind = min(times_us) // step * step, (max(times_us) // step + 1) * step
    column = F.col(f"{full_name(table)}.{name}")
    return (column >= F.timestamp_micros(F.lit(first))) & (column < F.timestamp_micros(F.lit(behind)))


def _first_and_last(keys: DataFrame, name: str) -> tuple[int, int]:
    [row] = keys.agg(F.min(name).alias("first"), F.max(name).alias("last")).collect()
    return row["first"], row["last"]


def one_per_key(rows: DataFrame, table: Table, written: Merge) -> DataFrame:
    """Return the row that stays of those with the same key: the newest, or where the first is kept
    the smallest; all rows where the table's verb gives one per key anyway.
    """
    if not (written.newest_by or written.keep_first):
        return rows
    whole = F.struct(*table.column_names)
    chosen = F.max_by(whole, F.struct(*written.newest_by)) if written.newest_by else F.min(whole)
    return rows.groupBy(*table.key).agg(chosen.alias("row")).select("row.*")
