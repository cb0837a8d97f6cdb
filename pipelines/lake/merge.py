"""How rows are merged into a table by its key, so that doing it again changes nothing."""

from functools import reduce
from operator import and_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.lake.catalog import full_name
from pipelines.table import Merge, Table

ARRIVING = "arriving"


def merge_into(rows: DataFrame, table: Table) -> None:
    """Merge rows into a table by key, in the way the table is written (`Merge`).

    Where an arriving row always replaces the one that is there, `rows` has one row per key.
    Raises TypeError for a table that is only appended to.
    """
    if not isinstance(table.written, Merge):
        raise TypeError(f"{table.name} is appended to, never merged.")
    there = full_name(table)
    same_key = reduce(and_, (F.col(f"{there}.{name}") == F.col(f"{ARRIVING}.{name}") for name in table.key))
    merge = one_per_key(rows, table, table.written).alias(ARRIVING).mergeInto(there, same_key)
    if not table.written.keep_first:
        newest_by = table.written.newest_by
        is_newer = F.col(f"{ARRIVING}.{newest_by}") > F.col(f"{there}.{newest_by}") if newest_by else None
        merge = merge.whenMatched(is_newer).updateAll()
    merge.whenNotMatched().insertAll().merge()


def one_per_key(rows: DataFrame, table: Table, written: Merge) -> DataFrame:
    """Return the row that stays of those with the same key: the newest, or where the first is kept
    the smallest; all rows where the table's verb gives one per key anyway.
    """
    if not (written.newest_by or written.keep_first):
        return rows
    whole = F.struct(*table.column_names)
    chosen = F.max_by(whole, written.newest_by) if written.newest_by else F.min(whole)
    return rows.groupBy(*table.key).agg(chosen.alias("row")).select("row.*")
