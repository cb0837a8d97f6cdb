"""Recomputes gold tables from all of silver: corrects what came later than a stream's lateness, and
whatever else is wrong in them.
"""

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import TableInUse
from pipelines.gold.aggregating import Gold, aggregate
from pipelines.lake import catalog, iceberg, layout
from pipelines.lake.merge import one_per_key
from pipelines.silver.refining import once_each
from pipelines.streaming import jvm
from pipelines.streaming.reads import lateness
from pipelines.table import Merge, Table
from pipelines.tables import TABLES

CONFLICT = "ValidationException"  # Iceberg's, where somebody else has written meanwhile


def recomputed(spark: SparkSession, gold: Gold) -> DataFrame:
    """Return a gold table's rows as all of silver gives them, each event counted once."""
    rows = aggregate(gold, lambda silver: once_each(catalog.fresh(spark, TABLES[silver]), TABLES[silver]), lateness)
    return one_per_key(rows, gold.TABLE, gold.TABLE.written) if isinstance(gold.TABLE.written, Merge) else rows


def recompute(spark: SparkSession, gold: Gold) -> int:
    """Replace the table's rows by the recomputed ones, at once, and return how many keys it held
    that silver does not give.

    Raises TableInUse, and changes nothing, where the table was written meanwhile.
    """
    table = gold.TABLE
    catalog.ensure(spark, table)
    layout.evolve(spark, table)
    before = iceberg.loaded(spark, table).currentSnapshot()
    # Computed before it is written: Spark cannot plan a write whose source has a watermark.
    rows = recomputed(spark, gold).localCheckpoint()
    strangers = catalog.fresh(spark, table).join(rows, list(table.key), "left_anti").count()
    _replace(rows, table, int(before.snapshotId()) if before else None)
    return strangers


def _replace(rows: DataFrame, table: Table, since: int | None) -> None:
    """Replace the table's rows in one commit, which fails where the table has got another since
    that snapshot.
    """
    writer = rows.writeTo(catalog.full_name(table)).option("isolation-level", "serializable")
    if since is not None:
        writer = writer.option("validate-from-snapshot-id", since)
    try:
        writer.overwrite(F.lit(True))
    except (PySparkException, Py4JError) as error:
        if not jvm.innermost(error).startswith(CONFLICT):
            raise
        raise TableInUse(
            f"{table.name} was written while it was recomputed, so nothing was changed: its query must not run meanwhile; "
            f"`make down`, `make up`, then `make recompute TABLE={table.name}` again."
        ) from error
