"""Whatever the API's own description allows or forbids, it answers as described (schemathesis, on
the running process).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
from api_payments import KEY, PATH
from api_process import an_api, environment
from api_sessions import ITEMS, SESSION, SIMILAR, a_packed_recommender
from fraud_models import a_packed_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema
from valkey_server import a_valkey_server

from api.keys import HEADER
from pipelines.models.published import PublishedModels
from pipelines.online_store.client import Client

# JSON's schema cannot say that a payment is not made before 2000 or after now.
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)
schemathesis.openapi.format("date-time", MOMENTS)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """What a running API, with its models, says of itself."""
    with a_valkey_server() as server:
        with Client(server.settings) as client:
            for model in (a_packed_model("1"), a_packed_recommender("1")):
                PublishedModels(client).publish(model)
        with an_api(tmp_path_factory.mktemp("api") / "log", environment(server)) as (_, url):
            yield schemathesis.openapi.from_url(f"{url}/openapi.json")


def is_sent_whole(case: schemathesis.Case, response: schemathesis.Response) -> bool:
    """Return whether every parameter of the query was sent: an empty list has no form in a URL."""
    sent = parse_qsl(urlsplit(str(response.request.url)).query, keep_blank_values=True)
    return {*(case.query or {})} <= {name for name, _ in sent}


def check(described: BaseSchema, method: str, path: str, mode: GenerationMode, examples: int) -> None:
    """Ask what the description says of one path, well or badly, and compare the answers with it."""

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(described[path][method].as_strategy(generation_mode=mode))
    def answered(case: schemathesis.Case) -> None:
        response = case.call(headers={HEADER: KEY})
        # What is too large is refused before anybody looks at what else is wrong with it.
        is_looked_at = response.status_code != 413 and is_sent_whole(case, response)
        unread = [] if is_looked_at else [schemathesis.checks.negative_data_rejection]
        case.validate_response(response, excluded_checks=unread)

    answered()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_payments_good_and_bad_are_answered_as_described(described: BaseSchema, mode: GenerationMode) -> None:
    check(described, "POST", PATH, mode, examples=60)


RECOMMENDING = {
    SESSION.format("{session_id}"): "GET",
    SIMILAR.format("{product_id}"): "GET",
    ITEMS: "POST",
}


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("path", RECOMMENDING)
def test_who_wants_recommendations_is_answered_as_described(described: BaseSchema, path: str, mode: GenerationMode) -> None:
    check(described, RECOMMENDING[path], path, mode, examples=40)


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_what_operators_ask_is_answered_as_described(described: BaseSchema, path: str) -> None:
    check(described, "GET", path, GenerationMode.POSITIVE, examples=5)


def test_nothing_is_left_out(described: BaseSchema) -> None:
    routes = {(operation.ok().method.upper(), operation.ok().path) for operation in described.get_all_operations()}
    operating = {("GET", path) for path in ("/health", "/ready", "/metrics")}
    assert routes == {("POST", PATH), *((method, path) for path, method in RECOMMENDING.items()), *operating}
