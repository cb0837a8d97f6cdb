"""How the pages ask Trino: a statement with bound parameters gives rows, or one clear sentence why
not.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import requests
import trino
from trino.exceptions import Error, HttpError, TrinoQueryError

from dashboards.settings import Settings

Ask = Callable[..., list[list[Any]]]
ANSWER_WITHIN_S = 20
REPLY_WITHIN_S = 5.0
MISSING = {"TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"}
# What Trino says of a catalogue that no Spark session has opened yet.
NO_CATALOGUE = "Cannot check and eventually update SQL schema"
TOO_LONG = {"EXCEEDED_TIME_LIMIT", "EXCEEDED_CPU_LIMIT"}


class Unanswered(Exception):
    """Trino gave no rows; the text is what the reader of the page sees."""


class UnknownColumn(Unanswered):
    """A table does not have a column that was asked for, as one has not that was made before the
    column was thought of.
    """


def client(settings: Settings) -> Ask:
    """Return a function that runs one statement on this installation's Trino and returns its rows.

    A table that does not exist yet has no rows; everything else that goes wrong raises Unanswered.
    """

    def ask(statement: str, *parameters: object) -> list[list[Any]]:
        with closing(_connection(settings)) as connection:
            return _rows(connection.cursor(), statement, parameters, settings)

    return ask


def _connection(settings: Settings) -> Any:
    return trino.dbapi.connect(  # type: ignore[no-untyped-call]
        host=settings.trino_host,
        port=settings.trino_port,
        user=settings.trino_user,
        source="tidemark-dash",
        catalog=settings.catalog_name,
        timezone="UTC",
        max_attempts=1,
        request_timeout=REPLY_WITHIN_S,
        legacy_prepared_statements=False,
        session_properties={"query_max_run_time": f"{ANSWER_WITHIN_S}s"},
    )


def _rows(cursor: Any, statement: str, parameters: Sequence[object], settings: Settings) -> list[list[Any]]:
    try:
        cursor.execute(statement, list(parameters) or None)
        return list(cursor.fetchall())
    except TrinoQueryError as error:
        if error.error_name in MISSING or NO_CATALOGUE in error.message:
            return []
        refused = UnknownColumn if error.error_name == "COLUMN_NOT_FOUND" else Unanswered
        raise refused(_sentence(error)) from error
    except (Error, HttpError, requests.RequestException) as error:
        where = f"{settings.trino_host}:{settings.trino_port}"
        raise Unanswered(f"Trino does not answer at {where}: `make status` says what runs.") from error


def _sentence(error: TrinoQueryError) -> str:
    if error.error_name in TOO_LONG:
        return f"Trino took longer than {ANSWER_WITHIN_S} s for this: the machine is busy, or the table needs upkeep."
    return f"Trino refused this question ({error.error_name}, query {error.query_id}): its log has the reason."
