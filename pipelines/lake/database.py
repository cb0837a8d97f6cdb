"""The database of the catalogue: says in a sentence when it does not answer."""

import psycopg

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import Settings

CONNECT_TIMEOUT_S = 5


def require(chosen: Settings) -> None:
    """Raise ServiceUnreachable without a catalogue database."""
    postgres = chosen.postgres
    try:
        psycopg.connect(
            host=postgres.host,
            port=postgres.port,
            user=postgres.user,
            password=postgres.password.get_secret_value(),
            dbname=chosen.catalog.database,
            connect_timeout=CONNECT_TIMEOUT_S,
        ).close()
    except psycopg.OperationalError as error:
        raise ServiceUnreachable(
            f"Could not open the catalogue database {chosen.catalog.database} at {postgres.host}:{postgres.port} "
            f"({str(error).strip().splitlines()[0]}): run `make up`, or mend [postgres] in conf/."
        ) from error
