"""Reads Iceberg tables as Arrow batches, without Spark: for what is to answer sooner than Spark
starts.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import pyarrow as pa
from psycopg.errors import UndefinedTable
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import Table as IcebergTable
from sqlalchemy import URL
from sqlalchemy.exc import OperationalError, ProgrammingError

from pipelines.base.errors import ServiceUnreachable, StaleRead
from pipelines.base.settings import settings
from pipelines.lake import database
from pipelines.table import Table

EVERY = AlwaysTrue()  # the condition that every row meets
FILES_AT_ONCE = 64  # what is in memory of a scan


@contextmanager
def open_catalogue() -> Iterator[SqlCatalog]:
    """Yield the catalogue of the settings, for reading.

    Raises ServiceUnreachable without its database, or when that is lost.
    """
    chosen = settings()
    database.require(chosen)
    postgres = chosen.postgres
    url = URL.create(
        "postgresql+psycopg",
        postgres.user,
        postgres.password.get_secret_value(),
        postgres.host,
        postgres.port,
        chosen.catalog.database,
    )
    properties = {
        "uri": url.render_as_string(hide_password=False),
        "warehouse": chosen.warehouse,
        "init_catalog_tables": "false",  # Spark makes them
    }
    catalogue = SqlCatalog(chosen.catalog.name, **properties)
    try:
        yield catalogue
    except OperationalError as error:
        raise ServiceUnreachable(f"The catalogue database {chosen.catalog.database} was lost: run it again.") from error
    finally:
        catalogue.close()


def find(catalogue: Catalog, table: Table) -> IcebergTable | None:
    """Return the table as it is now; None before its query has made it."""
    try:
        return catalogue.load_table(table.name)
    except NoSuchTableError:
        return None
    except ProgrammingError as error:
        if isinstance(error.orig, UndefinedTable):
            return None  # the catalogue's own, which Spark makes with the first of ours
        raise


def batches(
    table: IcebergTable | None,
    columns: Sequence[str],
    snapshot_id: int | None = None,
    where: BooleanExpression = EVERY,
) -> Iterator[pa.RecordBatch]:
    """Return columns of a table's rows that meet a condition, now or as they were at a snapshot;
    none where there is no table.

    Raises StaleRead where files are removed meanwhile, because their snapshot has expired.
    """
    if table is None:
        return
    scan = table.scan(where, tuple(columns), snapshot_id=snapshot_id)
    arrow = ArrowScan(table.metadata, table.io, scan.projection(), where)
    try:
        files = iter(scan.plan_files())
        while some := list(islice(files, FILES_AT_ONCE)):
            for batch in arrow.to_record_batches(some):
                yield batch.select(list(columns))
    except FileNotFoundError as error:
        raise StaleRead(f"Files of {'.'.join(table.name())} were removed while they were read: run it again.") from error
