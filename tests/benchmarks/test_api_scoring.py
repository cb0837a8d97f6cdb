"""What the benchmark of the API makes of answers, and that what it sends are payments."""

import json

import numpy as np
import pytest

from api.payments.schema import Payment
from benchmarks import api_scoring
from benchmarks.support.open_loop import Answers


def answers(*latency_ms: float, status: int = 200) -> Answers:
    return Answers(np.full(len(latency_ms), status), np.array(latency_ms), [""] * len(latency_ms))


def test_percentiles_are_of_all_turns_and_errors_are_counted() -> None:
    latencies = api_scoring.figures([answers(*range(51)), answers(*range(51, 100)), answers(100.0, status=503)], "pyfunc_")
    assert latencies == {"pyfunc_p50_ms": 50.0, "pyfunc_p90_ms": 90.0, "pyfunc_p99_ms": 99.0, "pyfunc_errors_count": 1.0}


def test_a_rate_is_held_when_all_is_answered_and_nothing_queues() -> None:
    assert api_scoring.holds(answers(1.0, 2.0))
    assert not api_scoring.holds(answers(1.0, 2.0, status=503))
    assert not api_scoring.holds(answers(1.0, 2 * api_scoring.HELD_MS))


def test_what_is_sent_are_payments_none_of_them_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_scoring, "RATE", 2)
    bodies = [request.partition("\r\n\r\n")[2] for request in api_scoring._payments()]
    assert len({Payment.model_validate_json(body).event_id for body in bodies}) == len(bodies) > 0


def test_features_are_sent_as_mlflow_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    (request,) = api_scoring._rows(np.array([[1.5, np.nan]], np.float32))
    assert request.startswith("POST /invocations ")
    assert repr(json.loads(request.partition("\r\n\r\n")[2])) == "{'instances': [[1.5, nan]]}"
