"""How many frauds of each campaign the model finds in a simulated shop's year, what that saves, and
how long a year takes.

A shop with about a million payments a year opens on 1 January. At the year's end the product's own
training folds them, learns, and measures on the last quarter of the payments whose labels have
matured: from late September to 24 December, Black Friday in it. What it has learned from is older
than that by the label delay. A fraud is what the bank calls one: 97 % of those committed.

`make bench NAME=fraud_campaigns` does all of it. `python -m benchmarks fraud_campaigns --payments
FILE` writes the simulated payments, which take minutes to make, to a Parquet file, or takes them
from there.
"""

import hashlib
import resource
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from benchmarks import receipt
from benchmarks.support import simulated_payments
from benchmarks.support.simulated_payments import Past
from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.fraud import training_data
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.card_fold import fold
from pipelines.fraud.features.card_state import CARD_STATE, new_cards
from pipelines.fraud.features.feature_set import FEATURE_SET, FEATURES
from pipelines.fraud.features.seller_state import SELLER_STATE
from pipelines.fraud.model import fraud_model, gate, training
from pipelines.fraud.model.history import History
from pipelines.fraud.model.training import Trained
from pipelines.models.packed import Packed
from simulator.shop.fraud import KINDS

log = logs.get(__name__)

YEAR = Past(seed=7, opened=date(2025, 1, 1), days=365, orders_per_day=2_600)
MONEY = "money_saved"

Figures = dict[str, float]


def main(
    payments: Annotated[
        Path | None, typer.Option(help="Write the simulated payments to this file, or take them from there.")
    ] = None,
) -> None:
    """Measure what the model finds in a simulated shop's year and write the receipt."""
    measure(YEAR, payments)


def measure(past: Past, file: Path | None = None) -> None:
    """Measure on a simulated past, taken from or written to a file if one is given, and write the
    receipt.
    """
    fraud = settings().fraud
    paid = simulated_payments.cached(past, file)
    log.info("payments_simulated", payments=len(paid))
    history, folding = folded(paid, fraud.label_delay_days)
    log.info("payments_folded", **folding)
    began = time.perf_counter()
    trained = training.train(history, fraud.label_delay_days, fraud.costs)
    learning = {"training_s": time.perf_counter() - began, "peak_mb": peak_mb()}
    _, test = training.split(history, fraud.label_delay_days)
    metrics = {**in_units(trained.metrics), **of_frauds(test), **folding, **learning, **serving(trained, test)}
    described = {
        "past": vars(past) | {"opened": str(past.opened)},
        "test_from": _day(test.at_us.min()),
        "test_to": _day(test.at_us.max()),
        "label_delay_days": fraud.label_delay_days,
        "costs": fraud.costs.model_dump(),
        "feature_set": FEATURE_SET,
        "xgboost": dict(trained.parameters),
    }
    receipt.write("fraud_campaigns", described, metrics, circumstances=KINDS)


def folded(paid: pa.Table, label_delay_days: int) -> tuple[History, Figures]:
    """Return the history that the payments give, and what folding them takes: columns to features,
    and the card fold alone.
    """
    # Compiled, or loaded, before it is timed.
    training_data.folded(paid.slice(0, 1000), label_delay_days)
    began = time.perf_counter()
    history = training_data.folded(paid, label_delay_days)
    folded_s = time.perf_counter() - began
    no_id = settings().ids.none
    cards, card_of = payment_records.cards(paid, no_id)
    records = payment_records.records(paid, no_id)
    began = time.perf_counter()
    fold(new_cards(len(cards)), card_of, records)
    card_fold_s = time.perf_counter() - began
    return history, {
        "payments_count": float(len(paid)),
        "cards_count": float(len(cards)),
        "features_count": float(len(FEATURES)),
        "fold_s": folded_s,
        "fold_per_s": len(paid) / folded_s,
        "card_fold_per_s": len(paid) / card_fold_s,
        "card_state_bytes": float(CARD_STATE.itemsize),
        "seller_state_bytes": float(SELLER_STATE.itemsize),
    }


def in_units(trained: Mapping[str, float]) -> Figures:
    """Return the figures of training with money named by its currency."""
    return {f"{name}_brl" if name.endswith(MONEY) else name: value for name, value in trained.items()}


def of_frauds(test: History) -> Figures:
    """Return what the frauds of the test period amount to, and how many there are of each
    campaign.
    """
    kinds, counts = np.unique(test.campaign[test.fraud].astype(str), return_counts=True)
    return {
        "test_fraud_brl": float(test.amount[test.fraud].sum()),
        **{f"test_fraud_count_{kind}": float(count) for kind, count in zip(kinds, counts, strict=True)},
    }


def serving(trained: Trained, test: History) -> Figures:
    """Return what the model weighs, and how long it takes over a payment on one thread, as the gate
    measures it.
    """
    content = bytes(trained.booster.save_raw("ubj"))
    model = fraud_model.load(Packed("fraud", "1", FEATURE_SET, hashlib.sha256(content).hexdigest(), content))
    return {"model_bytes": float(len(content)), "predict_us": gate.us_per_payment((model,), test.features)[0]}


def peak_mb() -> float:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _day(at_us: np.int64) -> str:
    return str(np.datetime64(int(at_us), "us").astype("datetime64[D]"))
