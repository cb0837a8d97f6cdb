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
from collections.abc import Iterator, Sequence
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
from pipelines.base.arrays import Floats
from pipelines.base.errors import ModelError
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.fold import Folded, fold, nothing_known
from pipelines.fraud.features.payment_records import Keys, Payments
from pipelines.fraud.model import fraud_model
from pipelines.fraud.store import FraudStore
from pipelines.models.packed import Packed
from pipelines.models.published import PublishedModels
from pipelines.online_store.client import Client
from pipelines.online_store.two_version_records import Batch
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
    keys, folded = _history()
    with _api(packed, keys, folded) as port, pyfunc_server(packed, folded.features) as pyfunc_port:
        payments, rows = _payments(), _rows(folded.features)
        full = send(pyfunc_port, rows[: RATE * TRY_S], RATE)
        rate = _held(pyfunc_port, rows)
        turns = [(_turn(port, payments, RATE), _turn(pyfunc_port, rows, rate)) for _ in range(ROUNDS)]
    ours, pyfuncs = zip(*turns, strict=True)
    latencies = {**figures(ours), **figures(pyfuncs, "pyfunc_")}
    rates = {"rate_per_s": float(RATE), "pyfunc_rate_per_s": float(rate), "pyfunc_full_rate_p99_ms": _percentile([full], 99)}
    counts = {"degraded_count": _saying('"degraded":true', ours), "held_count": _saying('"reasons":["', ours)}
    ratio = {"p99_ratio": latencies["pyfunc_p99_ms"] / latencies["p99_ms"], **counts}
    trees = float(fraud_model.load(packed).booster.num_boosted_rounds())
    sizes = {"trees_count": trees, "features_count": folded.features.shape[1]}
    receipt.write("api_scoring", _described(), {**rates, **latencies, **ratio, **sizes})


def _described() -> dict[str, object]:
    """Return what the receipt says of how it was measured."""
    described = {"rounds": ROUNDS, "warm_s": WARM_S, "measure_s": MEASURE_S, "cards": CARDS}
    return {**described, "pyfunc_rates": list(PYFUNC_RATES), "serving": {name: version(name) for name in SERVING}}


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


def figures(turns: Sequence[Answers], prefix: str = "") -> dict[str, float]:
    """Return percentiles of the latencies of all turns, and how many requests had no score."""
    latencies = {f"p{share}_ms": _percentile(turns, share) for share in (50, 90, 99)}
    errors = float(sum(int((turn.status != 200).sum()) for turn in turns))
    return {f"{prefix}{name}": value for name, value in {**latencies, "errors_count": errors}.items()}


def _percentile(turns: Sequence[Answers], share: int) -> float:
    return float(np.percentile(np.concatenate([turn.latency_ms for turn in turns]), share))


def _saying(words: str, turns: Sequence[Answers]) -> float:
    """Return how many answers have the words in them."""
    return float(sum(words in text for turn in turns for text in turn.text))


def _turn(port: int, requests: list[str], rate: int) -> Answers:
    """Return the answers to requests at a rate, once the server is warm."""
    return send(port, requests[: rate * (WARM_S + MEASURE_S)], rate).after(rate * WARM_S)


def _published() -> Packed:
    """Return the model that the stack of the settings has published."""
    name = settings().fraud.model_name
    with Client(settings().valkey) as client:
        models = PublishedModels(client)
        version = models.current_version(name)
        if version is None:
            raise ModelError(f"The online store at {client.place} has no model {name} to measure with: run make demo once.")
        return models.packed(name, version)


def _history() -> tuple[Keys, Folded]:
    """Return the cards and devices that have paid before, and what folding those payments gives."""
    made = [a_payment(number) for number in range(HISTORY)]
    cards, card = np.unique([payment["card_id"] for payment in made], return_inverse=True)
    devices, device = np.unique([payment["device_id"] for payment in made], return_inverse=True)
    typed = ({**payment, "event_at": _moment(payment), "amount": payment["amount"] / 100} for payment in made)
    records = np.concatenate([payment_records.record(payment, settings().ids.none) for payment in typed])
    keys = Keys(cards.tolist(), devices.tolist(), [])
    return keys, fold(nothing_known(keys), Payments(records, card, device, np.zeros(len(made), np.int64)))


def _moment(payment: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(payment["event_at"] / 1e6, UTC)


@contextmanager
def _api(packed: Packed, keys: Keys, folded: Folded) -> Iterator[int]:
    """Run a Valkey and the API apart, with the model and the states of cards and devices, and yield
    the API's port.
    """
    folder = ROOT / ".tidemark" / f"benchmark-{os.getpid()}"
    os.environ.update(environment(folder))
    settings.cache_clear()
    parts = [valkey.service(), api()]
    try:
        lifecycle.up(parts[:1], parts, lambda name, seconds: None)
        with Client(settings().valkey) as client:
            store = FraudStore(client)
            store.models.publish(packed)
            store.write(keys, nothing_known(keys).states, folded.states, BEFORE)
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
    typed = {**payment, "event_at": _moment(payment).isoformat(), "amount": f"{payment['amount'] / 100:.2f}"}
    return {name: value for name, value in typed.items() if name in Payment.model_fields}


def _rows(features: Floats) -> list[str]:
    """Return one request per row of features, as many as the longest turn takes."""
    count = RATE * (WARM_S + MEASURE_S)
    return [post("/invocations", json.dumps({"instances": [row]}), {}) for row in features[:count].tolist()]
