"""Measures the recommending API at 1,000 requests a second, open loop, on this machine: lists for
sessions, for products, and for sessions that the request holds.

The API has a Valkey of its own, with the state and the last list of every session that is asked
for, and a recommender with its learned ranker, built of the public sessions of YooChoose (1/64).
The client is a process of its own on the same cores. Serenade (Kersbergen et al., SIGMOD 2022)
answers 1,000 requests a second on two cores in less than 7 ms, 90 times of 100.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice

import numpy as np

from api.keys import HEADER
from benchmarks import receipt
from benchmarks.support.open_loop import Answers, get, post, send
from benchmarks.support.public_sessions import beginnings_of, sessions_of
from benchmarks.support.recommended import a_stored_list, packed, states_after
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from pipelines.models.packed import Packed
from pipelines.online_store.client import Client, chunks
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations.features.session import new_sessions
from pipelines.recommendations.model.recommender import load
from pipelines.recommendations.store import RecommendationStore
from stack import lifecycle
from stack.isolated import environment
from stack.programs import api
from stack.services import valkey

SET = "yoochoose64"
RATE, ROUNDS, WARM_S, MEASURE_S = 1000, 3, 5, 20
SESSIONS = 20_000  # that the store knows, each asked for about once a round
COUNT = 10
KINDS = ("session", "session", "session", "session", "session", "session", "session", "session", "items", "product")
BEFORE = Batch("00000000-0000-0000-0000-000000000001", 0)
SERVING = ("fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "valkey", "numba")


def main() -> None:
    """Measure and write the receipt."""
    model, beginnings = packed(sessions_of(SET)), list(islice(beginnings_of(SET), SESSIONS))
    with _api(model, beginnings) as port:
        requests = _requests(beginnings)
        turns = [send(port, requests, RATE).after(RATE * WARM_S) for _ in range(ROUNDS)]
    loaded = load(model)
    sizes = {"products_count": len(loaded.products), "model_mb": len(model.content) / 1e6, "sessions_count": len(beginnings)}
    receipt.write("api_recommend", _described(), {"rate_per_s": float(RATE), **figures(turns), **sizes})


def _described() -> Mapping[str, object]:
    """Return what the receipt says of how it was measured."""
    described = {"set": SET, "rounds": ROUNDS, "warm_s": WARM_S, "measure_s": MEASURE_S, "products": COUNT}
    shares = {kind: KINDS.count(kind) / len(KINDS) for kind in sorted(set(KINDS))}
    return {**described, "shares": shares, "serving": {name: version(name) for name in SERVING}}


def figures(turns: list[Answers]) -> dict[str, float]:
    """Return percentiles of the latencies of all turns, all together and by what was asked for, and
    how many requests had no list, a degraded or an empty one.
    """
    latency_ms = np.concatenate([turn.latency_ms for turn in turns])
    status = np.concatenate([turn.status for turn in turns])
    kinds = np.concatenate([np.resize(KINDS, len(turn.latency_ms)) for turn in turns])
    texts = [text for turn in turns for text in turn.text]
    return {
        **{f"p{share}_ms": float(np.percentile(latency_ms, share)) for share in (50, 90, 99)},
        **{f"{kind}_p90_ms": float(np.percentile(latency_ms[kinds == kind], 90)) for kind in sorted(set(KINDS))},
        "errors_count": float((status != 200).sum()),
        "degraded_count": _saying(texts, '"degraded":true'),
        "empty_count": _saying(texts, '"products":[]'),
        "from_session_count": _saying(texts, '"fallback":"session"'),
    }


def _saying(texts: list[str], words: str) -> float:
    return float(sum(words in text for text in texts))


@contextmanager
def _api(model: Packed, beginnings: list[list[str]]) -> Iterator[int]:
    """Run a Valkey and the API apart, with the model and the states of sessions, and yield the
    API's port.
    """
    folder = ROOT / ".tidemark" / f"benchmark-{os.getpid()}"
    # One key's allowance is that of one shop; here all requests have one key.
    os.environ.update({**environment(folder), "TIDEMARK_API__REQUESTS_PER_S": str(10 * RATE)})
    settings.cache_clear()
    parts = [valkey.service(), api()]
    try:
        lifecycle.up(parts[:1], parts, lambda name, seconds: None)
        with Client(settings().valkey) as client:
            _fill(RecommendationStore(client, settings().recommendations.kept_s), model, beginnings)
        lifecycle.up(parts, parts, lambda name, seconds: None)
        yield settings().api.port
    finally:
        lifecycle.down(parts, lambda name, seconds: None)
        shutil.rmtree(folder)


def _fill(store: RecommendationStore, model: Packed, beginnings: list[list[str]]) -> None:
    """Publish the model, and store the state and the list of each session."""
    store.models.publish(model)
    store.write_unavailable(np.zeros(0, np.uint64), time.time_ns() // 1000)
    states, names = states_after(beginnings), [_session(number) for number in range(len(beginnings))]
    for some in chunks(len(names)):
        lists = {name: a_stored_list(products) for name, products in zip(names[some], beginnings[some], strict=True)}
        store.write(names[some], new_sessions(len(lists)), states[some], BEFORE, lists)


def _session(number: int) -> str:
    return f"bench-session-{number}"


def _requests(beginnings: list[list[str]]) -> list[str]:
    """Return the requests of one turn, sessions in an order of chance."""
    headers = {HEADER: settings().api.keys.get_secret_value().partition(",")[0].strip()}
    order = np.random.default_rng(7).permutation(len(beginnings)).tolist()
    count = RATE * (WARM_S + MEASURE_S)
    return [_request(KINDS[i % len(KINDS)], order[i % len(order)], beginnings, headers) for i in range(count)]


def _request(kind: str, session: int, beginnings: list[list[str]], headers: dict[str, str]) -> str:
    if kind == "session":
        return get(f"/v1/sessions/{_session(session)}/recommendations?n={COUNT}", headers)
    if kind == "product":
        return get(f"/v1/products/{beginnings[session][-1]}/similar?n={COUNT}", headers)
    items = [{"product_id": product} for product in beginnings[session]]
    return post("/v1/recommendations", json.dumps({"items": items, "n": COUNT}), headers)
