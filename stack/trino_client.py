"""Asks Trino, for the prompt and for the live line."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from trino.dbapi import connect

from pipelines.base.settings import settings

TIMEOUT_S = 30


@dataclass(frozen=True)
class Answer:
    """Column names and rows."""

    columns: list[str]
    rows: list[Sequence[object]]


def answer(query: str) -> Answer:
    """Return what Trino answers to one statement, in the catalogue of the settings."""
    trino = settings().trino
    connection = connect(  # type: ignore[no-untyped-call]
        host=trino.host, port=trino.port, user=trino.user, catalog=settings().catalog.name, request_timeout=TIMEOUT_S
    )
    with closing(connection), closing(connection.cursor()) as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
        return Answer([column[0] for column in cursor.description or []], rows)
