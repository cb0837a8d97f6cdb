"""Makes the catalogue hold the tables the code describes, and reads what it knows of them."""

import threading
from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession

from pipelines.base.errors import SettingsError
from pipelines.base.settings import settings
from pipelines.table import Column, Table

PROPERTIES = {
    "format-version": "2",  # version 3 is beyond what Trino 476 and pyiceberg write
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.distribution-mode": "none",
    "write.merge.distribution-mode": "none",
    "write.parquet.compression-codec": "zstd",
    # Streams write small files; with 4 MB each would be a task of its own.
    "read.split.open-file-cost": "262144",
}

# Iceberg's JDBC catalogue fails when two queries create the same table at once, and they start side
# by side.
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
            spark.sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.type} COMMENT {quoted(column.meaning)}")
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


def full_name(table: Table) -> str:
    """Return the table's name with its catalogue: some of Spark's interfaces look for two-part
    names elsewhere.
    """
    return f"{settings().catalog.name}.{table.name}"


def creation(table: Table) -> str:
    """Return the CREATE TABLE statement of a table, with its comments."""
    columns = ", ".join(_described(column) for column in table.columns)
    partitions = f" PARTITIONED BY ({', '.join(table.partitioning)})" if table.partitioning else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}) USING iceberg{partitions} "
        f"COMMENT {quoted(table.grain)} TBLPROPERTIES ({assigned(properties(table))})"
    )


def properties(table: Table) -> dict[str, str]:
    """Return the properties of Iceberg that a table is made with."""
    return {**PROPERTIES, **table.properties}


def assigned(properties: Mapping[str, str]) -> str:
    """Return properties as SQL sets them."""
    return ", ".join(f"{quoted(name)} = {quoted(value)}" for name, value in properties.items())


def property_of(spark: SparkSession, table: Table, name: str) -> str | None:
    """Return one property of a table; None where it has none of that name."""
    rows = spark.sql(f"SHOW TBLPROPERTIES {table.name}").collect()
    return next((row["value"] for row in rows if row["key"] == name), None)


def set_property(spark: SparkSession, table: Table, name: str, value: str) -> None:
    """Set one property of a table."""
    spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ({assigned({name: value})})")


def _described(column: Column) -> str:
    required = " NOT NULL" if column.required else ""
    return f"{column.name} {column.type}{required} COMMENT {quoted(column.meaning)}"


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _plain(spark: SparkSession, type_: str) -> str:
    return spark.sql(f"SELECT CAST(NULL AS {type_}) AS value").dtypes[0][1]
