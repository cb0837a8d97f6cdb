"""What the benchmark of recommending makes of answers, and that what it sends is what the API
takes.
"""

import json

import numpy as np
import pytest

from api.recommendations.schema import Session
from benchmarks import api_recommend
from benchmarks.support.open_loop import Answers
from benchmarks.support.recommended import states_after
from pipelines.recommendations.features.session import product_hashes

BEGINNINGS = [["1", "2"], ["3"], ["4", "4", "5"]]


def test_percentiles_are_of_all_turns_and_of_each_kind_and_what_is_no_list_is_counted() -> None:
    count = 2 * len(api_recommend.KINDS)
    latency_ms = np.where(np.resize(api_recommend.KINDS, count) == "items", 9.0, 1.0)
    well = Answers(np.full(count, 200), latency_ms, ['{"products":[{}],"fallback":"session","degraded":false}'] * count)
    badly = Answers(np.full(10, 503), np.ones(10), ['{"products":[],"degraded":true}'] * 10)
    found = api_recommend.figures([well, badly])
    assert (found["p50_ms"], found["p99_ms"], found["session_p90_ms"]) == (1.0, 9.0, 1.0)
    assert found["items_p90_ms"] == 9.0
    counted = [found[f"{name}_count"] for name in ("errors", "degraded", "empty", "from_session")]
    assert counted == [10, 10, 10, count]


def test_what_is_sent_is_of_every_kind_as_the_api_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_recommend, "RATE", 1)
    requests = api_recommend._requests(BEGINNINGS)
    lines = {request.partition(" HTTP/1.1\r\n")[0].partition("?")[0].rpartition("/")[2] for request in requests}
    assert lines == {"recommendations", "similar"}
    bodies = [request.partition("\r\n\r\n")[2] for request in requests if request.startswith("POST")]
    sent = [Session.model_validate_json(body) for body in bodies]
    assert [[item.product_id for item in session.items] in BEGINNINGS for session in sent] == [True] * len(sent)
    assert json.loads(bodies[0])["n"] == api_recommend.COUNT


def test_states_are_those_of_the_sessions() -> None:
    states = states_after(BEGINNINGS)
    assert states["count"].tolist() == [2, 1, 3]
    assert [states["items"][i, : len(products)].tolist() for i, products in enumerate(BEGINNINGS)] == [
        product_hashes(products).tolist() for products in BEGINNINGS
    ]
    assert states["last_us"].min() > 0
