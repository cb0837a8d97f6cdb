"""Measures the scoring API at a fixed rate on this machine, beside MLflow's scoring server with the
same model, in turns.

The API has a Valkey of its own, filled with cards that have paid before, and the model that the
running stack has published. MLflow's server is given ready features, so it does less: no reading,
no folding, no decision, no reasons. Both are asked open loop by a process of its own, on the same
cores. Where MLflow's server cannot hold the rate, it is measured at the highest one of PYFUNC_RATES
that it holds, and what it does at the full rate is said too.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from api.keys import HEADER
from api.payments.schema import Payment
from benchmarks import receipt
from benchmarks.support.fraud_payments import CARDS, a_payment
from benchmarks.support.open_loop import Answers, post, send
from benchmarks.support.pyfunc_server import pyfunc_server
from pipelines.base.arrays import Floats, Records
from pipelines.base.errors import ModelError
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from pipelines.fraud.features import device_fold, payment_records
from pipelines.fraud.features.card_fold import fold
from pipelines.fraud.features.card_state import blank
from pipelines.fraud.features.device_state import unseen
from pipelines.fraud.model import fraud_model
from pipelines.models.packed import Packed
from pipelines.online_store.client import Batch, Devices, OnlineStore
from stack import lifecycle
from stack.isolated import environment
from stack.programs import api
from stack.services import valkey

RATE, PYFUNC_RATES = 500, (500, 400, 300, 200, 150, 100, 75, 50, 25)
ROUNDS, WARM_S, MEASURE_S, TRY_S = 3, 5, 20, 8
# A server whose slowest hundredth waits longer does not hold the rate: its queue grows.
HELD_MS = 500.0
HISTORY = 4 * CARDS  # payments folded before
BEFORE = Batch("00000000-0000-0000-0000-000000000001", 0)
PATH = "/v1/payments/score"
SERVING = ("fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "valkey")


def main() -> None:
    """Measure both and write the receipt."""
    packed = _published()
    cards, states, devices, features = _history()
    with _api(packed, cards, states, devices) as port, pyfunc_server(packed, features) as pyfunc_port:
        asked_of_us, theirs = _payments(), _rows(features)
        full = send(pyfunc_port, theirs[: RATE * TRY_S], RATE)
        rate = _held(pyfunc_port, theirs)
        turns = [(_turn(port, asked_of_us, RATE), _turn(pyfunc_port, theirs, rate)) for _ in range(ROUNDS)]
    ours = [mine for mine, _ in turns]
    told = {**figures(ours), **figures([other for _, other in turns], "pyfunc_")}
    rates = {"rate_per_s": float(RATE), "pyfunc_rate_per_s": float(rate), "pyfunc_full_rate_p99_ms": _percentile([full], 99)}
    said = {"degraded_count": _saying('"degraded":true', ours), "held_count": _saying('"reasons":["', ours)}
    ratio = {"p99_ratio": told["pyfunc_p99_ms"] / told["p99_ms"], **said}
    trees = float(fraud_model.load(packed).booster.num_boosted_rounds())
    receipt.write("api_scoring", _said(), {**rates, **told, **ratio, "trees_count": trees, "features_count": features.shape[1]})


def _said() -> dict[str, object]:
    told = {"rounds": ROUNDS, "warm_s": WARM_S, "measure_s": MEASURE_S, "cards": CARDS, "pyfunc_rates": list(PYFUNC_RATES)}
    return {**told, "serving": {name: version(name) for name in SERVING}}


def _held(port: int, requests: list[str]) -> int:
    """Return the highest of PYFUNC_RATES that a server holds."""
    for rate in PYFUNC_RATES:
        answers = send(port, requests[: rate * TRY_S], rate)
        if holds(answers):
            return rate
    raise RuntimeError(f"MLflow's server does not even hold {rate} requests a second; it said: {answers.text[-1][:500]}")


def holds(answers: Answers) -> bool:
    """Return whether a server kept up: it answered everything, and hardly anything waited."""
    return bool((answers.status == 200).all() and np.percentile(answers.latency_ms, 99) < HELD_MS)


def figures(turns: list[Answers], prefix: str = "") -> dict[str, float]:
    """Return percentiles of the latencies of all turns, and how many requests had no score."""
    told = {f"p{share}_ms": _percentile(turns, share) for share in (50, 90, 99)}
    errors = float(sum(int((turn.status != 200).sum()) for turn in turns))
    return {f"{prefix}{name}": value for name, value in {**told, "errors_count": errors}.items()}


def _percentile(turns: list[Answers], share: int) -> float:
    return float(np.percentile(np.concatenate([turn.latency_ms for turn in turns]), share))


def _saying(words: str, turns: list[Answers]) -> float:
    """Return how many answers have the words in them."""
    return float(sum(words in text for turn in turns for text in turn.text))


def _turn(port: int, requests: list[str], rate: int) -> Answers:
    """Return the answers to requests at a rate, once the server is warm."""
    return send(port, requests[: rate * (WARM_S + MEASURE_S)], rate).after(rate * WARM_S)


def _published() -> Packed:
    """Return the model that the stack of the settings has published."""
    store, name = OnlineStore(settings().valkey), settings().fraud.model_name
    version = store.current_version(name)
    if version is None:
        raise ModelError(f"The online store at {store.place} has no model {name} to measure with: run make demo once.")
    return store.model(name, version)


def _history() -> tuple[list[str], Records, Devices, Floats]:
    """Return cards that have paid, their states, those of their devices, and the features of those
    payments.
    """
    made = [a_payment(number) for number in range(HISTORY)]
    cards, card_of = np.unique([payment["card_id"] for payment in made], return_inverse=True)
    typed = ({**payment, "event_at": _moment(payment), "amount": payment["amount"] / 100} for payment in made)
    devices, device_of = np.unique([payment["device_id"] for payment in made], return_inverse=True)
    states, seen = blank(len(cards)), unseen(len(devices))
    records = np.concatenate([payment_records.record(payment) for payment in typed])
    features, _ = fold(states, card_of, records)
    device_fold.fold(seen, device_of, records, np.arange(len(records)), features)
    return cards.tolist(), states, Devices(devices.tolist(), seen, seen), features


def _moment(payment: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(payment["event_at"] / 1e6, UTC)


@contextmanager
def _api(packed: Packed, cards: list[str], states: Records, devices: Devices) -> Iterator[int]:
    """Run a Valkey and the API apart, with the model and the states of cards and devices, and yield
    the API's port.
    """
    folder = ROOT / ".tidemark" / f"benchmark-{os.getpid()}"
    os.environ.update(environment(folder))
    settings.cache_clear()
    parts = [valkey.service(), api()]
    try:
        lifecycle.up(parts[:1], parts, lambda name, seconds: None)
        store = OnlineStore(settings().valkey)
        store.publish(packed)
        store.write(cards, blank(len(cards)), states, BEFORE, devices)
        lifecycle.up(parts, parts, lambda name, seconds: None)
        yield settings().api.port
    finally:
        lifecycle.down(parts, lambda name, seconds: None)
        shutil.rmtree(folder)


def _payments() -> list[str]:
    """Return the requests of the shop: each payment by a card that has paid before, none twice."""
    key = settings().api.keys.get_secret_value().partition(",")[0].strip()
    made = [a_payment(number) for number in range(RATE * (WARM_S + MEASURE_S))]
    return [post(PATH, json.dumps(_as_json(payment)), {HEADER: key}) for payment in made]


def _as_json(payment: dict[str, Any]) -> dict[str, Any]:
    told = {**payment, "event_at": _moment(payment).isoformat(), "amount": f"{payment['amount'] / 100:.2f}"}
    return {name: value for name, value in told.items() if name in Payment.model_fields}


def _rows(features: Floats) -> list[str]:
    """Return one request per row of features, as many as the longest turn takes."""
    count = RATE * (WARM_S + MEASURE_S)
    return [post("/invocations", json.dumps({"instances": [row]}), {}) for row in features[:count].tolist()]
