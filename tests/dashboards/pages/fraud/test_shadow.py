"""The questions about a challenger on a real Trino, over tables of their own, against scikit-learn
and plain counting.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from dashboards.pages.fraud import shadow
from dashboards.trino import Ask, UnknownColumn

Create = Callable[..., None]
Insert = Callable[..., None]
Run = Callable[..., list[list[Any]]]
pytestmark = pytest.mark.integration

NOW = datetime(2127, 3, 20, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)
MATURE_BEFORE = NOW - 7 * DAY
# Probabilities of a tenth, so that many are equal.
DRAWN = np.random.default_rng(20).integers(0, 11, (80, 2)) / 10
FRAUD = np.random.default_rng(21).random(80) < DRAWN.mean(axis=1)
STOPPED, WOULD_STOP = DRAWN[:, 0] >= 0.6, DRAWN[:, 1] >= 0.4
CURRENCIES = np.where(np.arange(80) % 4 == 0, "EUR", "BRL")


@pytest.fixture(scope="module")
def lake(ask_lake: Ask, run: Run, create: Create, insert: Insert) -> Iterator[Ask]:
    """What asks a lake whose scores have a challenger's too: 80 mature ones, and five of the last
    day by its newest pair.
    """
    create("gold.fraud_scores", "gold.shadowed")
    create("gold.fraud_scores", "gold.unshadowed", without=["challenger_decision"])
    create("silver.chargebacks", "gold.found")
    pairs = zip(DRAWN.tolist(), CURRENCIES.tolist(), strict=True)
    mature = [_score(f"m{i}", 9 * DAY, *pair, currency=currency) for i, (pair, currency) in enumerate(pairs)]
    last = [(0.2, 0.1), (0.5, 0.45), (0.6, 0.65), (0.7, 0.9), (0.9, 0.2)]
    newest = [_score(f"n{i}", timedelta(hours=i + 1), *pair) for i, pair in enumerate(last)]
    others = [
        _score("old", 23 * DAY, 0.9, 0.9),
        _score("pair", 9 * DAY, 0.9, 0.9, model_version="3", challenger_version="4"),
        _score("earlier", timedelta(hours=20), 0.15, 0.9, model_version="3", challenger_version="4"),
        _score("alone", timedelta(0), 0.01, None, challenger_version=None),
        # From before a challenger's decisions were logged.
        _score("u1", 9 * DAY, 0.9, 0.9, challenger_decision=None),
        _score("u2", timedelta(minutes=30), 0.9, 0.9, challenger_decision=None),
    ]
    insert("gold.fraud_scores", *mature, *newest, *others, into="gold.shadowed")
    findings = [{"payment_id": f"m{i}", "event_at": NOW - 5 * DAY, "kafka_at": NOW} for i in np.flatnonzero(FRAUD)]
    insert("silver.chargebacks", *({**finding, "fraud": True} for finding in findings), into="gold.found")
    yield ask_lake
    for table in ("shadowed", "unshadowed", "found"):
        run(f"DROP TABLE gold.{table}")


def _score(name: str, ago: timedelta, probability: float, challenged: float | None, **changes: Any) -> dict[str, Any]:
    """A payment that the champion scored, version 4 unless changed, and its challenger, version
    5.
    """
    return {
        "payment_id": name,
        "event_at": NOW - ago,
        "amount": Decimal(10),
        "probability": probability,
        "decision": _decided(probability, 0.6, 0.8),
        "model_version": "4",
        "challenger_version": "5",
        "challenger_probability": challenged,
        "challenger_decision": None if challenged is None else _decided(challenged, 0.4, 0.7),
        **changes,
    }


def _decided(probability: float, review_at: float, decline_at: float) -> str:
    """Decide by thresholds, which differ between the two models."""
    return "decline" if probability >= decline_at else "review" if probability >= review_at else "approve"


def _over(ask: Ask, table: str) -> Ask:
    """Ask of another table of scores: the real one is shared with other tests."""

    def ask_of_it(statement: str, *parameters: object) -> list[list[Any]]:
        return ask(statement.replace("gold.fraud_scores", table).replace("silver.chargebacks", "gold.found"), *parameters)

    return ask_of_it


def _shadow(lake: Ask) -> shadow.Shadow:
    (found,) = shadow.shadows(_over(lake, "gold.shadowed"), NOW - DAY, NOW - 21 * DAY, MATURE_BEFORE)
    return found


def test_the_newest_pair_is_compared_by_the_decisions_of_both(lake: Ask) -> None:
    pair = _shadow(lake).agreement
    assert (pair.champion, pair.challenger) == ("4", "5")
    assert pair.decisions == {
        ("approve", "approve"): 1,
        ("approve", "review"): 1,
        ("review", "review"): 1,
        ("review", "decline"): 1,
        ("decline", "approve"): 1,
    }
    assert pair.correlation == pytest.approx(np.corrcoef([0.2, 0.5, 0.6, 0.7, 0.9], [0.1, 0.45, 0.65, 0.9, 0.2])[0, 1])


def test_average_precision_is_that_of_scikit_learn_with_ties(lake: Ask) -> None:
    ranking = _shadow(lake).ranking
    assert (ranking.payments, ranking.frauds) == (80, FRAUD.sum())
    assert ranking.champion_precision == pytest.approx(average_precision_score(FRAUD, DRAWN[:, 0]))
    assert ranking.challenger_precision == pytest.approx(average_precision_score(FRAUD, DRAWN[:, 1]))


def test_mature_payments_are_counted_by_what_both_stop_and_what_they_were(lake: Ask) -> None:
    fates = _shadow(lake).fates
    keys = zip(CURRENCIES.tolist(), STOPPED.tolist(), WOULD_STOP.tolist(), FRAUD.tolist(), strict=True)
    assert {fate[:4]: fate.payments for fate in fates} == Counter(keys)
    assert {fate.amount / fate.payments for fate in fates} == {Decimal(10)}


@pytest.mark.parametrize(("challenger", "stopped"), [(False, STOPPED), (True, WOULD_STOP)])
def test_each_stops_by_its_own_thresholds_and_money_is_of_one_currency(
    lake: Ask, challenger: bool, stopped: "np.ndarray[Any, np.dtype[np.bool_]]"
) -> None:
    held, brl = shadow.stops(_shadow(lake).fates, "BRL", challenger=challenger), CURRENCIES == "BRL"
    assert (held.payments, held.frauds) == (stopped.sum(), (stopped & FRAUD).sum())
    caught, honest = (int((stopped & which & brl).sum()) for which in (FRAUD, ~FRAUD))
    assert (held.caught, held.honest) == (10 * caught, 10 * honest)


def test_without_mature_payments_nothing_is_judged(lake: Ask) -> None:
    (found,) = shadow.shadows(_over(lake, "gold.shadowed"), NOW - DAY, NOW - 8 * DAY, NOW - 8 * DAY)
    assert (found.ranking, found.fates) == (shadow.Ranking(0, 0, None, None), [])


def test_equal_probabilities_have_no_correlation(lake: Ask) -> None:
    (found,) = shadow.shadows(_over(lake, "gold.shadowed"), NOW - timedelta(hours=1), NOW - 8 * DAY, MATURE_BEFORE)
    assert (found.agreement.decisions, found.agreement.correlation) == ({("approve", "approve"): 1}, None)


def test_a_table_without_a_challengers_decisions_has_no_shadow(lake: Ask) -> None:
    unshadowed = _over(lake, "gold.unshadowed")
    assert shadow.shadows(unshadowed, NOW - DAY, NOW - 21 * DAY, MATURE_BEFORE) == []
    with pytest.raises(UnknownColumn):
        unshadowed(shadow.AGREEMENT, NOW)


def test_nobody_in_the_shadow_is_no_shadow(lake: Ask) -> None:
    assert shadow.shadows(_over(lake, "gold.shadowed"), NOW, NOW - 21 * DAY, MATURE_BEFORE) == []
