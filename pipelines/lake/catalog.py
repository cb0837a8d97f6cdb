"""Makes the catalogue hold the tables the code describes, and reads what it knows of them."""

import re
import threading
from collections.abc import Mapping
from typing import Any, cast

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from pipelines.base.errors import SettingsError, TableDamaged
from pipelines.base.settings import settings
from pipelines.lake import database
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

MISSING_OR_TORN = re.compile(r"FileNotFoundException|ChecksumException")  # Java's

# Iceberg's JDBC catalogue fails when two queries create the same table at once, and they start side
# by side.
_one_at_a_time = threading.Lock()


def ensure(spark: SparkSession, table: Table) -> None:
    """Create the table if it is missing, and add the columns it lacks.

    Raises SettingsError when a column has another type than the code says: the table needs a
    migration first; or when one is gone that every row has: somebody has renamed or dropped it.
    Raises TableDamaged where the table's metadata is no more than a name.
    """
    _require_metadata(spark, table)
    with _one_at_a_time:
        _create_or_widen(spark, table)


def _require_metadata(spark: SparkSession, table: Table) -> None:
    """Raise TableDamaged where the file that the catalogue names is empty or torn: Iceberg would
    try for minutes to read it.
    """
    if spark.conf.get(f"spark.sql.catalog.{settings().catalog.name}.type", "") != "jdbc":
        return
    location = database.metadata_of(settings(), table.name)
    if location is not None and not _is_json(spark, location):
        raise TableDamaged(
            f"The metadata of {table.name} is damaged, as a power cut leaves it ({location}): run `make recover "
            f"TABLE={table.name}`, which goes back to the newest state that is whole (docs/operations.md)."
        )


def _is_json(spark: SparkSession, location: str) -> bool:
    """Return whether a file begins and ends as an object of JSON does."""
    path = cast(Any, spark._jvm).org.apache.hadoop.fs.Path(location)
    try:
        file = path.getFileSystem(cast(Any, spark)._jsc.hadoopConfiguration()).open(path)
        content = bytes(file.readAllBytes())
        file.close()
    except Py4JJavaError as error:
        if MISSING_OR_TORN.search(str(error.java_exception.getClass().getName())):
            return False
        raise
    return content.startswith(b"{") and content.rstrip().endswith(b"}")


def _create_or_widen(spark: SparkSession, table: Table) -> None:
    if not spark.catalog.tableExists(full_name(table)):
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {table.name.split('.')[0]}")
        spark.sql(creation(table))
    found = dict(spark.table(table.name).dtypes)
    for column in table.columns:
        if column.name not in found:
            _require_optional(table, column, found)
            spark.sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.type} COMMENT {quoted(column.meaning)}")
        elif found[column.name] != _plain(spark, column.type):
            raise SettingsError(
                f"Column {column.name} of {table.name} is {found[column.name]} in the catalogue and {column.type} in the code: "
                "migrate the table, or go back to the code that made it."
            )


def _require_optional(table: Table, column: Column, found: Mapping[str, str]) -> None:
    """Raise SettingsError where a column that is to be added is in every row: made anew, it would
    be empty in the rows that are there, and the table's keys and partitions would still name the
    old one.
    """
    if column.required:
        strangers = [name for name in found if name not in table.column_names]
        renamed = f", renamed perhaps to {' or '.join(strangers)}" if strangers else ""
        raise SettingsError(
            f"Column {column.name} of {table.name} is gone{renamed}: give it its name back (`make sql ADMIN=1`: ALTER TABLE "
            f"{table.name} RENAME COLUMN ... TO {column.name}), or make the table anew (docs/operations.md)."
        )


def fresh(spark: SparkSession, table: Table) -> DataFrame:
    """Return a table as it is now, with those of our columns that it has: others beside them are
    somebody's. A session may remember a table as it was half a minute ago.
    """
    return ours(_refreshed(spark, table), table)


def ours(rows: DataFrame, table: Table) -> DataFrame:
    """Return a table's rows with those columns of it that the code knows."""
    return rows.select(*(name for name in table.column_names if name in rows.columns))


def columns(spark: SparkSession, table: Table) -> list[str]:
    """Return the names of all columns of a table, in the order in which the catalogue has them."""
    return _refreshed(spark, table).columns


def _refreshed(spark: SparkSession, table: Table) -> DataFrame:
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
