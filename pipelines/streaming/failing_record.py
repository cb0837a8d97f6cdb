"""Finds the record at which a batch fails: the batch is done again without writing, with fewer and
fewer of its records.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.streaming import jvm
from pipelines.streaming.planned_batch import Rows, empty_of, planned_batch
from pipelines.streaming.records import Places, Record, Source
from pipelines.streaming.skips import Skips, without
from pipelines.table import Table


@dataclass(frozen=True)
class Trial:
    """What a query does short of writing: the topics or tables that it reads, in its order, the
    rows that it makes of what `read` returns of each, and the table that they are for.
    """

    sources: tuple[Source, ...]
    rows: Callable[[SparkSession, Callable[[Source], DataFrame]], DataFrame]
    into: Table | None = None

    def fails(self, spark: SparkSession, given: Rows) -> bool:
        """Return whether Spark fails to make the rows of what is given of each source."""
        try:
            made = self.rows(spark, lambda source: given[source])
            (as_written(made, self.into) if self.into else made).write.format("noop").mode("overwrite").save()
        except jvm.SPARK_ERRORS:
            return True
        return False


class Stopped(Exception):
    """The search was to end before it had found anything."""


def failing_record(spark: SparkSession, query: str, trial: Trial, is_wanted: Callable[[], bool]) -> Record | None:
    """Return the first record at which the batch fails that the query has planned.

    None where the batch passes when it is done without writing, where it fails without any record,
    or only by records of several sources together. Raises Stopped once `is_wanted` says no.
    """
    planned = planned_batch(spark, query, trial.sources)
    if planned is None:
        return None
    skipped = Skips(spark, query).records()
    batch = {source: without(rows, source, skipped) for source, rows in planned.items()}

    def fails(given: Rows) -> bool:
        if not is_wanted():
            raise Stopped
        return trial.fails(spark, given)

    nothing = {source: empty_of(rows) for source, rows in batch.items()}
    if fails(nothing) or not fails(batch):
        return None
    for source, rows in batch.items():
        if fails({**nothing, source: rows}):
            return _first(source, rows, lambda some, source=source: fails({**nothing, source: some}))  # type: ignore[misc]
    return None


def _first(source: Source, rows: DataFrame, fails: Callable[[DataFrame], bool]) -> Record:
    places = Places.of(source)
    records = places.among(rows)
    return records[first_failing(records, lambda some: fails(rows.filter(places.up_to(some[-1]))))]


def first_failing(records: Sequence[Record], fails: Callable[[Sequence[Record]], bool]) -> int:
    """Return the index of the first record with which those up to it fail; all of them together
    do.
    """
    passing, failing = 0, len(records)
    while failing - passing > 1:
        middle = (passing + failing) // 2
        if fails(records[:middle]):
            failing = middle
        else:
            passing = middle
    return failing - 1


def as_written(rows: DataFrame, table: Table) -> DataFrame:
    """Return rows with what Iceberg checks as it writes them: each value fits its column's type,
    and nothing required is null.
    """
    columns = [column for column in table.columns if column.name in rows.columns]
    typed = rows.select(*(F.col(column.name).cast(column.type).alias(column.name) for column in columns))
    return typed.select(*(_required(column.name, column.type) if column.required else column.name for column in columns))


def _required(name: str, type_: str) -> Column:
    null = F.raise_error(F.lit(f"{name} is null")).cast(type_)
    return F.when(F.col(name).isNull(), null).otherwise(F.col(name)).alias(name)
