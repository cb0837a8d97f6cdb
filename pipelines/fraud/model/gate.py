"""Whether a challenger may replace the champion: both are measured on matured payments that neither
has learned from.
"""

import time
from collections.abc import Iterator, Mapping

import numpy as np
from sklearn.metrics import average_precision_score

from pipelines.base.arrays import DAY_US, Floats, Numbers
from pipelines.fraud.model import decisions, fraud_model
from pipelines.fraud.model.evaluation import evaluate
from pipelines.fraud.model.history import History
from pipelines.models.verdict import Figures, Verdict

LEAST_FRAUDS = 20
RESAMPLES, LIKELY = 200, 0.9
CARD_PRECISION_LOST = 0.02
BRIER_RATIO, CALIBRATION_LOST = 1.05, 0.005
LATENCY_RATIO, UNNOTICED_US = 3.0, 20.0
# It travels through the online store, whose clients wait a tenth of a second.
LARGEST_BYTES = 5_000_000
TIMED_ROWS, TIMED_TURNS = 500, 7
COMPARED = (
    "average_precision",
    "card_precision_100",
    "money_saved",
    "brier",
    "calibration_error",
    "review_share",
    "decline_share",
)


def judge(champion: fraud_model.Model, challenger: fraud_model.Model, sizes: tuple[int, int], history: History) -> Verdict:
    """Return the verdict on a challenger; `sizes` are the bytes of the champion's file and of the
    challenger's.

    It is promoted when it is likely to rank better or to save more, and is nowhere clearly worse.
    """
    unseen = matured_unseen(history, champion, challenger)
    frauds = int(unseen.fraud.sum())
    if frauds < LEAST_FRAUDS or frauds == len(unseen.fraud):
        return Verdict(False, (_too_few(frauds, len(unseen.fraud)),), {"unseen_fraud_count": float(frauds)})
    both = (champion, challenger)
    probabilities = [fraud_model.predict(model, unseen.features) for model in both]
    if blank := _without_numbers(probabilities):
        return Verdict(blank[0] == "champion", (f"the {blank[0]} gives no number for {blank[1]} payments",), {})
    evaluated = [evaluate(unseen, each, model.policy) for model, each in zip(both, probabilities, strict=True)]
    times = us_per_payment(both, unseen.features)
    gains = resampled_gains(unseen, both, (probabilities[0], probabilities[1]))
    named = zip(("champion", "challenger"), evaluated, strict=True)
    figures = {f"{who}_{name}": measured[name] for who, measured in named for name in COMPARED}
    figures |= {"champion_us": times[0], "challenger_us": times[1], "unseen_fraud_count": float(frauds)}
    figures |= {"champion_bytes": float(sizes[0]), "challenger_bytes": float(sizes[1])}
    figures |= {f"likely_better_{name}": float((gain > 0).mean()) for name, gain in gains.items()}
    refusals = tuple(_worse(figures, gains))
    return Verdict(not refusals, refusals or tuple(_better(figures)), figures)


def matured_unseen(history: History, *models: fraud_model.Model) -> History:
    """Return the payments whose labels have matured and from which none of the models has
    learned.
    """
    delay_us = max(model.policy.label_delay_days for model in models) * DAY_US
    learned_us = max(model.policy.learned_until_us for model in models)
    return history.where((history.at_us > learned_us) & (history.at_us <= history.at_us.max(initial=0) - delay_us))


def _without_numbers(probabilities: list[Floats]) -> tuple[str, int] | None:
    """Return who of champion and challenger gives no number for payments, and for how many; the
    challenger first, None where both always do.
    """
    counts = [int((~np.isfinite(each)).sum()) for each in probabilities]
    return next(((who, count) for who, count in zip(("challenger", "champion"), counts[::-1], strict=True) if count), None)


def _too_few(frauds: int, payments: int) -> str:
    return (
        f"{frauds} frauds are known among {payments} matured payments from which neither model has learned, and "
        f"{LEAST_FRAUDS} are needed: let more labels mature"
    )


def us_per_payment(models: tuple[fraud_model.Model, ...], features: Floats) -> list[float]:
    """Return the microseconds a payment takes each model, at its quickest of several turns: a busy
    machine slows both alike.
    """
    rows = features[:TIMED_ROWS]
    turns = [[_seconds(model, rows) for model in models] for _ in range(TIMED_TURNS)]
    return [min(of_one) * 1e6 / len(rows) for of_one in zip(*turns, strict=True)]


def _seconds(model: fraud_model.Model, rows: Floats) -> float:
    begun = time.perf_counter()
    fraud_model.predict(model, rows)
    return time.perf_counter() - begun


def resampled_gains(
    unseen: History, models: tuple[fraud_model.Model, fraud_model.Model], probabilities: tuple[Floats, Floats]
) -> dict[str, Numbers]:
    """Return what the challenger gains in average precision and in money, for each of many
    resamples of the cards.

    Cards are drawn with replacement, since the payments of one card are not independent, and both
    models are measured on the same ones (paired bootstrap; Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993).
    """
    random, cards = np.random.default_rng(7), np.unique(unseen.card, return_inverse=True)[1]
    spent = [_cost(unseen, model, each) for model, each in zip(models, probabilities, strict=True)]
    precision, money = [], []
    for _ in range(RESAMPLES):
        times = np.bincount(random.integers(0, cards.max() + 1, cards.max() + 1), minlength=cards.max() + 1)[cards]
        if not times[unseen.fraud].any():
            continue
        ranked = [average_precision_score(unseen.fraud, each, sample_weight=times) for each in probabilities]
        precision.append(ranked[1] - ranked[0])
        money.append(float(((spent[0] - spent[1]) * times).sum()))
    return {"average_precision": np.array(precision), "money_saved": np.array(money)}


def _cost(unseen: History, model: fraud_model.Model, probability: Floats) -> Numbers:
    made = decisions.decide(probability.astype(np.float64), model.policy.thresholds)
    return decisions.cost(made, unseen.fraud.astype(np.float64), unseen.amount, model.policy.costs)


def _worse(figures: Figures, gains: Mapping[str, Numbers]) -> Iterator[str]:
    """Yield a reason for each thing that keeps the challenger from being promoted."""
    if not any(figures[f"likely_better_{name}"] >= LIKELY for name in gains):
        yield f"no gain that is likelier than {LIKELY:.0%}: " + ", ".join(_gain(figures, name) for name in gains)
    for name, gain in gains.items():
        if (gain < 0).mean() >= LIKELY:
            yield f"likely worse: {_gain(figures, name)}"
    limits = {
        "brier": figures["champion_brier"] * BRIER_RATIO,
        "calibration_error": figures["champion_calibration_error"] + CALIBRATION_LOST,
        "us": max(figures["champion_us"] * LATENCY_RATIO, UNNOTICED_US),
        "bytes": float(LARGEST_BYTES),
    }
    for name, limit in limits.items():
        if figures[f"challenger_{name}"] > limit:
            yield f"{name} {figures[f'challenger_{name}']:.4g} is above {limit:.4g}"
    least = figures["champion_card_precision_100"] - CARD_PRECISION_LOST
    if figures["challenger_card_precision_100"] < least:
        yield f"card_precision_100 {figures['challenger_card_precision_100']:.4g} is below {least:.4g}"


def _better(figures: Figures) -> Iterator[str]:
    return (_gain(figures, name) for name in ("average_precision", "money_saved"))


def _gain(figures: Figures, name: str) -> str:
    champion, challenger = figures[f"champion_{name}"], figures[f"challenger_{name}"]
    return f"{name} {challenger:.4g} instead of {champion:.4g} (better in {figures[f'likely_better_{name}']:.0%} of resamples)"
