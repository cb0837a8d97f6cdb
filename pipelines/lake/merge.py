"""How rows are merged into a table by its key, so that doing it again changes nothing."""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from pipelines.base.arrays import DAY_US
from pipelines.lake.catalog import full_name
from pipelines.table import Merge, Table

ARRIVING = "arriving"
# Of so many rows the keys are named to Iceberg, which then reads only files that may hold them.
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
    there = full_name(table)
    same_key = [F.col(f"{there}.{name}") == F.col(f"{ARRIVING}.{name}") for name in table.key]
    # By name: the table may have columns that somebody has added, which are theirs.
    columns = {name: F.col(f"{ARRIVING}.{name}") for name in table.column_names}
    merge = arriving.alias(ARRIVING).mergeInto(there, reduce(and_, [*same_key, *near(arriving, table)]))
    if not written.keep_first:
        merge = merge.whenMatched(_is_newer(there, written)).update(columns)
    merge.whenNotMatched().insert(columns).merge()


def _is_newer(there: str, written: Merge) -> Column | None:
    """Return whether an arriving row is newer than the one there; None where it always counts."""
    if not written.newest_by:
        return None
    arrived, found = (F.struct(*(F.col(f"{side}.{name}") for name in written.newest_by)) for side in (ARRIVING, there))
    return arrived > found


def near(arriving: DataFrame, table: Table) -> list[Column]:
    """Return what is true of every row of the table that has the key of an arriving one, in
    constants: the files in which it is true of none are not read. Nothing of more than FEW rows.

    It never leaves out a row of the same key, because it says nothing of other columns than the
    key.
    """
    types = {column.name: column.type for column in table.columns}
    # As numbers: Python would take Spark's timestamps for times of its own time zone.
    keys = [F.unix_micros(name).alias(name) if types[name] == TIME else F.col(name) for name in table.key]
    found = arriving.select(*keys).limit(FEW + 1).collect()
    return list(_near(found, full_name(table), table.key, types)) if 0 < len(found) <= FEW else []


def _near(found: Sequence[Row], there: str, key: Sequence[str], types: dict[str, str]) -> Iterator[Column]:
    for name in key:
        column, values = F.col(f"{there}.{name}"), {row[name] for row in found}
        if types[name] == TIME:
            # By whole days, so that the code Spark makes of it is the same the whole day.
            first, behind = min(values) // DAY_US * DAY_US, (max(values) // DAY_US + 1) * DAY_US
            yield (column >= F.timestamp_micros(F.lit(first))) & (column < F.timestamp_micros(F.lit(behind)))
        else:
            yield column.isin(*sorted(values))


def one_per_key(rows: DataFrame, table: Table, written: Merge) -> DataFrame:
    """Return the row that stays of those with the same key: the newest, or where the first is kept
    the smallest; all rows where the table's verb gives one per key anyway.
    """
    if not (written.newest_by or written.keep_first):
        return rows
    whole = F.struct(*table.column_names)
    chosen = F.max_by(whole, F.struct(*written.newest_by)) if written.newest_by else F.min(whole)
    return rows.groupBy(*table.key).agg(chosen.alias("row")).select("row.*")
