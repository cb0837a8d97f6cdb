"""Asks Trino, for the prompt and for the live line: as a reader, or as its admin."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import requests
from trino.auth import JWTAuthentication
from trino.dbapi import connect

from pipelines.base.errors import SettingsError
from pipelines.base.settings import settings
from stack import trino_access

TIMEOUT_S = 30


@dataclass(frozen=True)
class Answer:
    """Column names and rows."""

    columns: list[str]
    rows: list[Sequence[object]]


def connected(admin: bool = False, **options: Any) -> Any:
    """Return a connection to Trino, in the catalogue of the settings: the reader's, or the admin's,
    which may write.

    Raises SettingsError where the admin's password or Trino's certificate is missing.
    """
    trino = settings().trino
    if admin:
        certificate = trino_access.certificate()
        if not certificate.exists():
            raise SettingsError(f"Trino's certificate {certificate} is not there: run make up, which makes it.")
        # Of its own, as the environment's proxies and certificates would come before ours.
        session = requests.Session()
        session.trust_env, session.verify = False, str(certificate)
        login = {"port": trino.https_port, "user": trino.admin, "http_scheme": "https", "http_session": session}
        options |= {**login, "auth": JWTAuthentication(trino_access.token(settings()))}
    else:
        options |= {"port": trino.port, "user": trino.user}
    return connect(host=trino.host, catalog=settings().catalog.name, **options)  # type: ignore[no-untyped-call]


def answer(query: str, admin: bool = False) -> Answer:
    """Return what Trino answers to one statement."""
    with closing(connected(admin, request_timeout=TIMEOUT_S)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
        return Answer([column[0] for column in cursor.description or []], rows)
