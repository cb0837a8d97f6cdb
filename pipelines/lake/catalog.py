"""Makes the catalogue hold the tables the code describes, and reads what it knows of them."""

import threading
from typing import Any, cast

from pyspark.sql import DataFrame, SparkSession

from pipelines.base.errors import SettingsError
from pipelines.base.settings import settings
from pipelines.table import Column, Table

REWRITING = {
    "min-input-files": "8",
    # Larger files are left alone, so a row is not rewritten for ever.
    "min-file-size-bytes": str(8 * 1024 * 1024),
    "delete-file-threshold": "1",
    "remove-dangling-deletes": "true",
}
PROPERTIES = {
    "format-version": "2",  # version 3 is beyond what Trino 476 and pyiceberg write
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.distribution-mode": "none",
    "write.parquet.compression-codec": "zstd",
    # Streams write small files; with 4 MB each would be a task of its own.
    "read.split.open-file-cost": "262144",
}

# Queries start side by side, and the catalogue takes it ill when two of them create the same table.
_one_at_a_time = threading.Lock()


def ensure(spark: SparkSession, table: Table) -> None:
    """Create the table if it is missing, and add the columns it lacks.

    Raises SettingsError when a column has another type than the code says: the table needs a
    migration first.
    """
    with _one_at_a_time:
        _create_or_widen(spark, table)


def _create_or_widen(spark: SparkSession, table: Table) -> None:
    if not spark.catalog.tableExists(full_name(table)):
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {table.name.split('.')[0]}")
        spark.sql(creation(table))
    found = dict(spark.table(table.name).dtypes)
    for column in table.columns:
        if column.name not in found:
            spark.sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.type} COMMENT {_quoted(column.meaning)}")
        elif found[column.name] != _plain(spark, column.type):
            raise SettingsError(
                f"Column {column.name} of {table.name} is {found[column.name]} in the catalogue and {column.type} in the code: "
                "migrate the table, or go back to the code that made it."
            )


def fresh(spark: SparkSession, table: Table) -> DataFrame:
    """Return a table as it is now; a session may remember it as it was half a minute ago."""
    spark.sql(f"REFRESH TABLE {table.name}")
    return spark.table(table.name)


def snapshots(spark: SparkSession, table: Table) -> DataFrame:
    """Return Iceberg's metadata table of a table's snapshots, as it is now."""
    spark.sql(f"REFRESH TABLE {table.name}")
    return spark.table(f"{table.name}.snapshots")


def compact(spark: SparkSession, table: Table) -> None:
    """Rewrite the small files of a table into larger ones and apply its deletes; rows, snapshots
    and readers stay as they are.

    Streams skip what this commits. Appends may go on meanwhile; a MERGE may not.
    """
    procedure = f"{settings().catalog.name}.system.rewrite_data_files"
    options = ", ".join(f"{_quoted(name)}, {_quoted(value)}" for name, value in REWRITING.items())
    spark.sql(f"CALL {procedure}(table => {_quoted(full_name(table))}, options => map({options}))").collect()


def commits(spark: SparkSession, table: Table) -> int:
    """Return how many commits the table has seen."""
    snapshot = loaded(spark, table).currentSnapshot()
    return int(snapshot.sequenceNumber()) if snapshot else 0


def loaded(spark: SparkSession, table: Table) -> Any:
    """Return the table as Iceberg's own library knows it now."""
    util = cast(Any, spark._jvm).org.apache.iceberg.spark.Spark3Util
    found = util.loadIcebergTable(cast(Any, spark)._jsparkSession, full_name(table))
    found.refresh()
    return found


def full_name(table: Table) -> str:
    """Return the table's name with its catalogue: some of Spark's interfaces look for two-part
    names elsewhere.
    """
    return f"{settings().catalog.name}.{table.name}"


def creation(table: Table) -> str:
    """Return the CREATE TABLE statement of a table, with its comments."""
    columns = ", ".join(_described(column) for column in table.columns)
    partitions = f" PARTITIONED BY ({', '.join(table.partitioning)})" if table.partitioning else ""
    properties = ", ".join(f"'{key}' = '{value}'" for key, value in {**PROPERTIES, **table.properties}.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}) USING iceberg{partitions} "
        f"COMMENT {_quoted(table.grain)} TBLPROPERTIES ({properties})"
    )


def property_of(spark: SparkSession, table: Table, name: str) -> str | None:
    """Return one property of a table; None where it has none of that name."""
    rows = spark.sql(f"SHOW TBLPROPERTIES {table.name}").collect()
    return next((row["value"] for row in rows if row["key"] == name), None)


def set_property(spark: SparkSession, table: Table, name: str, value: str) -> None:
    """Set one property of a table."""
    spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ({_quoted(name)} = {_quoted(value)})")


def _described(column: Column) -> str:
    required = " NOT NULL" if column.required else ""
    return f"{column.name} {column.type}{required} COMMENT {_quoted(column.meaning)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _plain(spark: SparkSession, type_: str) -> str:
    return spark.sql(f"SELECT CAST(NULL AS {type_}) AS it").dtypes[0][1]
