"""The database of the catalogue: says in a sentence when it does not answer, and lets one at a time
do what two must not do at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from pipelines.base.errors import ServiceUnreachable, StaleRead
from pipelines.base.settings import Settings

CONNECT_TIMEOUT_S = 5
NEWEST_METADATA = (
    "SELECT metadata_location FROM iceberg_tables WHERE catalog_name = %s AND table_namespace = %s AND table_name = %s"
)


def require(chosen: Settings) -> None:
    """Raise ServiceUnreachable without a catalogue database."""
    _connected(chosen).close()


def metadata_of(chosen: Settings, table: str) -> str | None:
    """Return where the catalogue says that the newest metadata of a table (layer.name) is; None
    where it has no such table.

    Raises ServiceUnreachable without the database.
    """
    layer, _, name = table.partition(".")
    wanted = (chosen.catalog.name, layer, name)
    with _connected(chosen) as connection:
        if connection.execute("SELECT to_regclass('iceberg_tables')").fetchone() == (None,):
            return None  # Spark makes it with the first table
        row = connection.execute(NEWEST_METADATA, wanted).fetchone()
    return str(row[0]) if row else None


@contextmanager
def alone(chosen: Settings, work: str) -> Iterator[None]:
    """Do the block while no other process does work of that name; a process that dies is done.

    Raises StaleRead where one does, and ServiceUnreachable without a catalogue database.
    """
    with _connected(chosen) as connection:
        connection.autocommit = True  # no transaction stays open, as long as the work may take
        row = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (work,)).fetchone()
        if not (row and row[0]):
            raise StaleRead(f"Another process does this just now ({work}): run it again when that has ended.")
        yield


def _connected(chosen: Settings) -> psycopg.Connection[tuple[Any, ...]]:
    postgres = chosen.postgres
    try:
        return psycopg.connect(
            host=postgres.host,
            port=postgres.port,
            user=postgres.user,
            password=postgres.password.get_secret_value(),
            dbname=chosen.catalog.database,
            connect_timeout=CONNECT_TIMEOUT_S,
        )
    except psycopg.OperationalError as error:
        raise ServiceUnreachable(
            f"Could not open the catalogue database {chosen.catalog.database} at {postgres.host}:{postgres.port} "
            f"({str(error).strip().splitlines()[0]}): run `make up`, or mend [postgres] in conf/."
        ) from error
