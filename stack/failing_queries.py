"""Which queries of the streams fail, and why, as the streams themselves tell."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from pipelines.base.settings import settings

ANSWER_WITHIN_S = 5.0
FAILS = "fails"


@dataclass(frozen=True)
class FailingQuery:
    """A query that does not go on: since when, how often it was tried in a row, why, and at which
    record, where that was found.
    """

    query: str
    since: datetime
    times: int
    cause: str
    batch: list[str] | None
    record: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return the fields with the time as text."""
        return {**asdict(self), "state": FAILS, "since": self.since.isoformat()}

    def sentence(self) -> str:
        """Return it as one sentence that ends with what to do."""
        fails = f"{self.query} fails since {self.since:%Y-%m-%d %H:%M:%S} UTC, {self.times} times in a row: {self.cause}"
        if self.record is None:
            return f"{fails} (docs/operations.md says what helps)"
        place = "{topic}[{partition}]@{offset}".format(**self.record)
        return f"{fails} It is the record {place}: make skip QUERY={self.query} moves it to quarantine."


def found() -> list[FailingQuery]:
    """Return the queries that fail; none where the streams do not answer, which their own row
    says.
    """
    where = settings().spark.queries_url
    try:
        answered = httpx.get(where, timeout=ANSWER_WITHIN_S, trust_env=False).raise_for_status().json()
    except httpx.HTTPError:
        return []
    return [_failing(each) for each in answered if each["state"] == FAILS]


def _failing(given: dict[str, Any]) -> FailingQuery:
    since = datetime.fromtimestamp(given["since"], UTC)
    return FailingQuery(given["query"], since, given["times"], given["cause"], given["batch"], given["record"])
