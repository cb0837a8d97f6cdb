"""Measures a merge into gold.orders and gold.fraud_scores with 50 thousand and with 3 million rows
in them, and the compaction after every so many merges.

Each table is written at once, with orders and payments of thirty months. Then come batches of the
size the demo makes: nine of ten rows are new, one is a change of an order, or another score of a
payment, of the last three weeks. The functions of the streams merge and compact them, and nothing
else runs.
"""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from benchmarks import receipt
from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.gold import fraud_scores, orders
from pipelines.lake import catalog, compaction
from pipelines.lake.merge import merge_into
from pipelines.streaming.session import spark_session
from pipelines.table import Table
from stack.programs import LEAN_JAVA

SIZES = {"50k": 50_000, "3m": 3_000_000}
MONTHS_30 = timedelta(days=913)
RECENT = timedelta(days=21)
BATCHES = 120
WARM_UP = 10  # merges that are not counted, while Java compiles
ROWS = (5, 50)
CHANGED_SHARE = 0.1
EVERY_S = 1.5  # of the events' time between two batches
WRITERS = 2  # each writes half of the months

Result = TypeVar("Result")
log = logs.get(__name__)


@dataclass(frozen=True)
class Grown:
    """A table, and the SQL that makes its row of `n` (a number by which ids are made), `at` (when)
    and `change` (0 for the first).
    """

    table: Table
    columns: dict[str, str]

    @property
    def scratch(self) -> Table:
        """The table under a name of its own."""
        return replace(self.table, name=f"{self.table.name}_benchmark")

    def rows(self, numbers: DataFrame) -> DataFrame:
        """Return the rows of (n, at, change), in the table's columns."""
        return numbers.selectExpr(
            *(
                f"CAST({self.columns.get(column.name, 'NULL')} AS {column.type}) AS {column.name}"
                for column in self.table.columns
            )
        )


ORDERS = Grown(
    orders.TABLE,
    {
        "order_id": "sha1(concat('order', n))",
        "version": "4 + change",
        "status": "'delivered'",
        "customer_id": "sha1(concat('customer', n % 100000))",
        "customer_city": "concat('city ', n % 4000)",
        "customer_state": "'SP'",
        "session_id": "sha1(concat('session', n))",
        "placed_at": "at",
        "estimated_delivery_at": "at + INTERVAL 11 DAYS",
        "updated_at": "at + INTERVAL 5 DAYS",
        "currency": "'BRL'",
        "items_count": "1 + n % 4",
        "goods_amount": "n % 90000 / 100",
        "freight_amount": "n % 3000 / 100",
        "amount": "n % 90000 / 100 + n % 3000 / 100",
        "event_id": "sha1(concat('event', n, '-', change))",
    },
)
SCORES = Grown(
    fraud_scores.TABLE,
    {
        "payment_id": "sha1(concat('payment', n))",
        "card_id": "sha1(concat('card', n % 100000))",
        "event_at": "at",
        "scored_at": "at + INTERVAL 1 SECOND * change",
        "latency_ms": "300",
        "amount": "n % 90000 / 100",
        "currency": "'BRL'",
        "probability": "n % 1000 / 1000",
        "decision": "'approve'",
        "reasons": "array()",
        "features": "transform(sequence(1, 16), i -> hash(n, i) / 1e9)",
        "feature_set": "'benchmark'",
        "model_name": "'fraud'",
        "model_version": "'1'",
        "degraded": "false",
    },
)


@dataclass
class Measured:
    """Seconds of each merge and each compaction, and bytes that compactions rewrote."""

    merges_s: list[float]
    compactions_s: list[float]
    rewritten: list[int]


def main(batches: int = BATCHES) -> None:
    """Measure both tables at both sizes, write the receipt, and leave nothing behind."""
    os.environ["JDK_JAVA_OPTIONS"] = LEAN_JAVA  # as the streams have it
    spark = spark_session("gold_growth")
    found: dict[str, float] = {}
    for size, count in SIZES.items():
        for grown in (ORDERS, SCORES):
            name = grown.table.name.partition(".")[2]
            measured = metrics(measure(spark, grown, count, batches))
            log.info("size_measured", table=name, rows=count, **measured)
            found |= {f"{name}_{metric}_{size}": value for metric, value in measured.items()}
    receipt.write("gold_growth", _settings(spark, batches), found, circumstances=SIZES)


def metrics(measured: Measured) -> dict[str, float]:
    """Return the quantiles of a merge and of a compaction, and the mean bytes that one rewrote."""
    merges_ms = np.array(measured.merges_s[WARM_UP:] or measured.merges_s) * 1000
    return {
        "merge_p50_ms": float(np.quantile(merges_ms, 0.5)),
        "merge_p95_ms": float(np.quantile(merges_ms, 0.95)),
        "compaction_p50_ms": float(np.quantile(measured.compactions_s, 0.5)) * 1000,
        "compaction_p95_ms": float(np.quantile(measured.compactions_s, 0.95)) * 1000,
        "rewritten_bytes": float(np.mean(measured.rewritten)),
    }


def measure(spark: SparkSession, grown: Grown, rows: int, batches: int) -> Measured:
    """Fill the scratch table of a table, merge batches into it, compact it after as many as its
    query does and after the last, and drop it.
    """
    table, every = grown.scratch, settings().stream(grown.table.name).compact_every
    measured = Measured([], [], [])
    spark.sql(f"DROP TABLE IF EXISTS {table.name} PURGE")
    catalog.ensure(spark, table)
    try:
        began = datetime.now(UTC)
        fill(spark, grown, rows, began)
        for number in range(1, batches + 1):
            seconds, _ = timed(partial(merge_into, batch(spark, grown, rows, began, number), table))
            measured.merges_s.append(seconds)
            if number % every == 0 or number == batches:
                seconds, rewritten = timed(partial(compaction.compact, spark, table))
                measured.compactions_s.append(seconds)
                measured.rewritten.append(rewritten)
    finally:
        spark.sql(f"DROP TABLE IF EXISTS {table.name} PURGE")
    return measured


def fill(spark: SparkSession, grown: Grown, rows: int, until: datetime) -> None:
    """Write the rows of thirty months, one after the other, up to `until`."""
    step_us = MONTHS_30 / timedelta(microseconds=1) / rows
    at = f"timestamp_micros({_us(until - MONTHS_30)} + CAST(id * {step_us} AS BIGINT))"
    numbers = spark.range(0, rows, 1, WRITERS).selectExpr("id AS n", f"{at} AS at", "0 AS change")
    grown.rows(numbers).writeTo(catalog.full_name(grown.scratch)).append()


def batch(spark: SparkSession, grown: Grown, rows: int, began: datetime, number: int) -> DataFrame:
    """Return the rows of a batch: nine of ten are new, the others change rows of the last weeks."""
    dice = random.Random(number)  # noqa: S311 - the same batches each time
    now = _us(began) + round(number * EVERY_S * 1_000_000)
    step_us = MONTHS_30 / timedelta(microseconds=1) / rows
    recent = int(RECENT / MONTHS_30 * rows)
    chosen = {}
    for position in range(dice.randint(*ROWS)):
        if dice.random() < CHANGED_SHARE:
            n = rows - 1 - dice.randrange(recent)
            chosen[n] = (n, _us(began - MONTHS_30) + int(n * step_us), number)
        else:
            n = rows + number * ROWS[1] + position
            chosen[n] = (n, now + position, 0)
    numbers = spark.createDataFrame(list(chosen.values()), "n BIGINT, at_us BIGINT, change INT")
    return grown.rows(numbers.selectExpr("n", "timestamp_micros(at_us) AS at", "change"))


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds that some work takes, and what it gives."""
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _settings(spark: SparkSession, batches: int) -> dict[str, object]:
    return {
        "batches": batches,
        "rows_per_batch": ROWS,
        "changed_share": CHANGED_SHARE,
        "compact_every": {each.table.name: settings().stream(each.table.name).compact_every for each in (ORDERS, SCORES)},
        "shuffle_partitions": spark.conf.get("spark.sql.shuffle.partitions"),
        "master": spark.sparkContext.master,
    }
