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


def client(settings: Settings, answer_within_s: int = ANSWER_WITHIN_S, reply_within_s: float = REPLY_WITHIN_S) -> Ask:
    """Return a function that runs one statement on this installation's Trino and returns its rows.

    A statement may run for `answer_within_s`, and each of the replies on the way to its rows may
    take `reply_within_s`. A table that does not exist yet has no rows; everything else that goes
    wrong raises Unanswered.
    """

    def ask(statement: str, *parameters: object) -> list[list[Any]]:
        with closing(_connection(settings, answer_within_s, reply_within_s)) as connection:
            try:
                return _rows(connection.cursor(), statement, parameters)
            except TrinoQueryError as error:
                refused = UnknownColumn if error.error_name == "COLUMN_NOT_FOUND" else Unanswered
                raise refused(_sentence(error, answer_within_s)) from error
            except (Error, HttpError, requests.RequestException) as error:
                where = f"{settings.trino_host}:{settings.trino_port}"
                raise Unanswered(f"Trino does not answer at {where}: `make status` says what runs.") from error

    return ask


def _connection(settings: Settings, answer_within_s: int, reply_within_s: float) -> Any:
    return trino.dbapi.connect(  # type: ignore[no-untyped-call]
        host=settings.trino_host,
        port=settings.trino_port,
        user=settings.trino_user,
        source="tidemark-dash",
        catalog=settings.catalog_name,
        timezone="UTC",
        max_attempts=1,
        request_timeout=reply_within_s,
        legacy_prepared_statements=False,
        session_properties={"query_max_run_time": f"{answer_within_s}s"},
    )


def _rows(cursor: Any, statement: str, parameters: Sequence[object]) -> list[list[Any]]:
    try:
        cursor.execute(statement, list(parameters) or None)
        return list(cursor.fetchall())
    except TrinoQueryError as error:
        if error.error_name in MISSING or NO_CATALOGUE in error.message:
            return []
        raise


def _sentence(error: TrinoQueryError, answer_within_s: int) -> str:
    if error.error_name in TOO_LONG:
        return f"Trino took longer than {answer_within_s} s for this: the machine is busy, or the table needs upkeep."
    return f"Trino refused this question ({error.error_name}, query {error.query_id}): its log has the reason."
