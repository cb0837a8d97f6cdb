"""Makes the catalogue hold the tables the code describes, and reads what it knows of them."""

import threading
from datetime import UTC, datetime, timedelta

from pyspark.sql import SparkSession

from pipelines.errors import SettingsError
from pipelines.settings import settings
from pipelines.table import Column, Table

SNAPSHOTS_KEPT = timedelta(hours=1)
PROPERTIES = {
    "format-version": "2",  # version 3 is beyond what Trino 476 and pyiceberg write
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.distribution-mode": "none",
    "write.parquet.compression-codec": "zstd",
    "read.split.open-file-cost": "262144",  # streams write small files; with 4 MB each would be a task of its own
}

# Queries start side by side, and the catalogue takes it ill when two of them create the same table.
_one_at_a_time = threading.Lock()


def ensure(spark: SparkSession, table: Table) -> None:
    """Create the table if it is missing, and add the columns it lacks.

    Raises SettingsError when a column has another type than the code says: the table needs a migration first.
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


def compact(spark: SparkSession, table: Table) -> None:
    """Rewrite the small files of a table that no stream reads, apply its deletes, and forget its older snapshots."""
    system, name = f"{settings().catalog.name}.system", _quoted(full_name(table))
    options = "map('min-input-files', '8', 'delete-file-threshold', '1', 'remove-dangling-deletes', 'true')"
    spark.sql(f"CALL {system}.rewrite_data_files(table => {name}, options => {options})").collect()
    before = (datetime.now(UTC) - SNAPSHOTS_KEPT).strftime("%Y-%m-%d %H:%M:%S")
    expiry = f"older_than => TIMESTAMP '{before}', retain_last => 20"
    spark.sql(f"CALL {system}.expire_snapshots(table => {name}, {expiry})").collect()


def full_name(table: Table) -> str:
    """Return the table's name with its catalogue: some of Spark's interfaces look for two-part names elsewhere."""
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
