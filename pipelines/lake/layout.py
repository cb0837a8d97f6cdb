"""How the files of a table are laid out: by which partitions, with which properties."""

import re
from typing import Any

from pyspark.sql import SparkSession

from pipelines.lake import catalog, iceberg
from pipelines.table import Table

BY_TIME = re.compile(r"(year|month|day|hour)s\((\w+)\)")


def evolve(spark: SparkSession, table: Table) -> None:
    """Give a table that was made by earlier code the partitions and properties of today's.

    Files that are there stay as they are until the table is compacted (`is_old`).
    """
    found = iceberg.loaded(spark, table)
    fields = {str(field.name()) for field in found.spec().fields()}
    for transform in table.partitioning:
        if field_name(transform) not in fields:
            spark.sql(f"ALTER TABLE {table.name} ADD PARTITION FIELD {transform}")
    there = found.properties()
    changed = {name: value for name, value in catalog.properties(table).items() if there.get(name) != value}
    if changed:
        spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ({catalog.assigned(changed)})")


def field_name(transform: str) -> str:
    """Return how Iceberg names the partition field of a transform: placed_at_month of
    months(placed_at).
    """
    return BY_TIME.sub(r"\2_\1", transform)


def is_old(found: Any) -> bool:
    """Return whether a loaded table has files that were written with other partitions than
    today's.
    """
    snapshot, today = found.currentSnapshot(), found.spec().specId()
    manifests = snapshot.dataManifests(found.io()) if snapshot and found.specs().size() > 1 else ()
    return any(each.partitionSpecId() != today and _has_files(each) for each in manifests)


def _has_files(manifest: Any) -> bool:
    return bool(manifest.hasAddedFiles() or manifest.hasExistingFiles())
