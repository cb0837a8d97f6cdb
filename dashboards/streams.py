"""Which queries of the streams fail, on every page: the streams themselves are asked, for what
fails may be what Trino would have to be asked about.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dash_mantine_components as dmc
import requests
from dash import Dash, Output
from dash.development.base_component import Component

from dashboards.cache import Cached
from dashboards.look.frame import FAILING
from dashboards.look.inputs import TICK
from dashboards.look.messages import prose
from dashboards.settings import Settings

EVERY_S = 10.0
REPLY_WITHIN_S = 2.0


@dataclass(frozen=True)
class Failing:
    """A query that does not go on: since when, why, and at which record, where that was found."""

    query: str
    since: datetime
    cause: str
    record: str | None

    def sentence(self) -> str:
        """Return it as one sentence that ends with what to do."""
        fails = f"{self.query} does not go on since {self.since:%Y-%m-%d %H:%M:%S} UTC: {self.cause}"
        if self.record is None:
            return f"{fails} `make status` has more."
        return f"{fails} It is the record {self.record}: `make skip QUERY={self.query}` moves it to quarantine."


def register(app: Dash, find: Callable[[], list[Failing]]) -> None:
    """Fill the place above a page's body with what fails."""

    @app.callback(Output(FAILING, "children"), TICK)
    def failing(_: int | None) -> Component | None:
        return shown(find())


def shown(failing: list[Failing]) -> Component | None:
    """Return the alert that says what fails; nothing when all is well."""
    sentences = [dmc.Text(prose(each.sentence()), inherit=True) for each in failing]
    return dmc.Alert(sentences, className="notice", color="var(--red)", p="xs", mb="sm") if failing else None


def finder(settings: Settings) -> Callable[[], list[Failing]]:
    """Return what finds the failing queries, and asks for them every ten seconds at most, however
    many pages are open.
    """
    answer = Cached("failing_queries", lambda: _found(settings), EVERY_S)
    return lambda: answer().rows or []


def _found(settings: Settings) -> list[Failing]:
    """Return what fails; nothing where the streams do not answer: the pages then show how old each
    table is.
    """
    where = f"http://{settings.spark_status_host}:{settings.spark_status_port}/queries"
    try:
        answer = requests.get(where, timeout=REPLY_WITHIN_S)
        return [_failing(each) for each in answer.json() if each["state"] == "fails"]
    except (requests.RequestException, ValueError):
        return []


def _failing(given: dict[str, Any]) -> Failing:
    record = "{topic}[{partition}]@{offset}".format(**given["record"]) if given["record"] else None
    return Failing(given["query"], datetime.fromtimestamp(given["since"], UTC), given["cause"], record)
