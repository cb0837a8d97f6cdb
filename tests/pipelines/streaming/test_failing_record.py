"""A query that fails at one record names it, passes over it once somebody says so, and over nothing
else.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery
from waiting import until

from pipelines.base.settings import settings
from pipelines.lake import catalog
from pipelines.silver.refining import LINEAGE
from pipelines.streaming.failing_record import Trial, first_failing
from pipelines.streaming.reads import read_table
from pipelines.streaming.records import Record, Source
from pipelines.streaming.skips import Skips
from pipelines.streaming.supervised_query import Query, SupervisedQuery
from pipelines.streaming.writes import append, upsert
from pipelines.table import Append, Column, Merge, Table

PIECES = Table(
    "silver.pieces",
    "One row per delivery.",
    (Column("product", "string", "What came."), Column("pieces", "bigint", "How many."), *LINEAGE),
    ("kafka_offset",),
    Append(),
    topic="shop.pieces",
)
ORDERED = Table(
    "silver.ordered",
    "One row per order.",
    PIECES.columns,
    ("kafka_offset",),
    Append(),
    topic="shop.ordered",
)
DOUBLES = Table(
    "gold.doubles",
    "One row per delivery, counted twice.",
    (
        Column("product", "string", "What came."),
        Column("pieces", "int", "How many, twice."),
        Column("place", "bigint", "Offset."),
    ),
    ("place",),
    Merge(newest_by=("pieces",)),
    made_from=(PIECES.name,),
)
SUMS = Table(
    "gold.sums",
    "One row per product.",
    (Column("product", "string", "What came."), Column("pieces", "int", "How many.")),
    ("product",),
    Merge(),
    made_from=(PIECES.name, ORDERED.name),
)
COPIES = Table("silver.copies", "One row per delivery.", DOUBLES.columns, ("place",), Append(), made_from=(PIECES.name,))
TABLES = (PIECES, ORDERED, DOUBLES, SUMS, COPIES)
TOO_MANY = 2**40


@pytest.fixture
def tables(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SparkSession]:
    for table in TABLES:
        monkeypatch.setenv(f"TIDEMARK_STREAMS__{table.name.upper()}__TRIGGER", "0 seconds")
        monkeypatch.setenv(f"TIDEMARK_STREAMS__{table.name.upper()}__ROWS_PER_BATCH", "1000")
    settings.cache_clear()
    yield spark
    for table in TABLES:
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")


def arrive(spark: SparkSession, table: Table, *pieces: int | None, first: int = 0) -> None:
    """Append deliveries, at the offsets from `first` on."""
    catalog.ensure(spark, table)
    given = [("p", many, 0, first + at) for at, many in enumerate(pieces)]
    rows = spark.createDataFrame(given, "product string, pieces bigint, kafka_partition int, kafka_offset bigint")
    stamped = rows.withColumn("kafka_at", F.timestamp_seconds(F.col("kafka_offset") + 1_700_000_000))
    stamped.writeTo(catalog.full_name(table)).append()


def record(offset: int, topic: str = "shop.pieces") -> Record:
    return Record(topic, 0, offset, (offset + 1_700_000_000) * 1_000_000)


def doubled(spark: SparkSession, read: Callable[[Source], DataFrame]) -> DataFrame:
    pieces = read(PIECES)
    return pieces.select("product", (F.col("pieces") * 2).alias("pieces"), F.col("kafka_offset").alias("place"))


def summed(spark: SparkSession, read: Callable[[Source], DataFrame]) -> DataFrame:
    both = read(PIECES).select("product", "pieces").unionByName(read(ORDERED).select("product", "pieces"))
    return both.groupBy("product").agg(F.sum("pieces").cast("int").alias("pieces"))


def a_query(into: Table, rows: Callable[[SparkSession, Callable[[Source], DataFrame]], DataFrame]) -> Query:
    """The query of a table, merged or appended to."""
    sources = tuple(table for table in TABLES if table.name in into.made_from)

    def start(spark: SparkSession) -> StreamingQuery:
        made = rows(spark, lambda source: read_table(spark, source, into) if isinstance(source, Table) else None)  # type: ignore[arg-type, return-value]
        return (
            upsert(made, into)
            if isinstance(into.written, Merge)
            else append(made.selectExpr("product", "CAST(pieces AS INT) AS pieces", "place"), into)
        )

    return Query(into.name, start, Trial(sources, rows, into))


def failing(supervised: SupervisedQuery) -> Record | None:
    """Return the record at which the query fails, once it has found one."""
    until(lambda: supervised.failure is not None and supervised.failure.record is not None, "the record is named", within_s=120)
    assert supervised.failure is not None
    return supervised.failure.record


def places(spark: SparkSession, table: Table) -> list[int]:
    return sorted(row["place"] for row in catalog.fresh(spark, table).collect())


@pytest.mark.parametrize("into", [DOUBLES, COPIES], ids=["merged", "appended"])
def test_the_record_is_named_and_once_skipped_nothing_else_is_missing(
    tables: SparkSession, stopping: threading.Event, into: Table
) -> None:
    arrive(tables, PIECES, 1, 2, 3)
    arrive(tables, PIECES, 4, 5, TOO_MANY, 7, TOO_MANY, 9, first=3)
    supervised = SupervisedQuery(tables, a_query(into, doubled), stopping, longest_pause_s=0.05)
    supervised.thread.start()

    assert failing(supervised) == record(5)
    assert "overflow" in supervised.status().cause.lower()  # type: ignore[union-attr]
    Skips(tables, into.name).add(record(5), "too many")
    until(lambda: supervised.failure is not None and supervised.failure.record == record(7), "the next is named", within_s=120)
    Skips(tables, into.name).add(record(7), "too many")
    until(lambda: supervised.failure is None, "the query goes on", within_s=120)
    stopping.set()
    supervised.thread.join(60)
    assert places(tables, into) == [0, 1, 2, 3, 4, 6, 8]


def test_of_two_sources_the_one_with_the_record_is_found(tables: SparkSession, stopping: threading.Event) -> None:
    arrive(tables, PIECES, 1, 2)
    arrive(tables, ORDERED, 1, TOO_MANY, 3)
    supervised = SupervisedQuery(tables, a_query(SUMS, summed), stopping, longest_pause_s=0.05)
    supervised.thread.start()
    assert failing(supervised) == record(1, "shop.ordered")


def test_what_no_record_causes_names_none(tables: SparkSession, stopping: threading.Event) -> None:
    arrive(tables, PIECES, 1, 2)

    def always(spark: SparkSession, read: Callable[[Source], DataFrame]) -> DataFrame:
        return (
            doubled(spark, read)
            .withColumn("pieces", F.lit(1))
            .unionByName(spark.sql("SELECT 'p' product, CAST(rand() + 1e12 AS INT) pieces, 0L place"))
        )

    def start(spark: SparkSession) -> StreamingQuery:
        return upsert(
            doubled(spark, lambda _: read_table(spark, PIECES, DOUBLES)).withColumn("pieces", F.raise_error(F.lit("no"))),
            DOUBLES,
        )

    trial = Trial((PIECES,), always, DOUBLES)
    supervised = SupervisedQuery(tables, Query(DOUBLES.name, start, trial), stopping, longest_pause_s=0.05)
    supervised.thread.start()
    until(lambda: supervised.searched is not None, "it has looked for a record", within_s=120)
    assert supervised.failure is not None
    assert supervised.failure.record is None


@given(count=st.integers(1, 300), bad=st.sets(st.integers(0, 299), min_size=1))
def test_the_first_of_the_records_that_fail_is_found_in_few_tries(count: int, bad: set[int]) -> None:
    records = [record(offset) for offset in range(count)]
    there = sorted(offset for offset in bad if offset < count)
    tries: list[int] = []

    def fails(some: list[Record]) -> bool:
        tries.append(len(some))
        return any(each.offset in bad for each in some)

    if there:
        assert first_failing(records, fails) == there[0]  # type: ignore[arg-type]
        assert len(tries) <= count.bit_length()
