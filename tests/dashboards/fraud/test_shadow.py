"""The questions about a challenger on a real Trino, over tables of their own, against scikit-learn and plain counting."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from dashboards.fraud import shadow
from dashboards.lake import Ask, UnknownColumn, door
from dashboards.settings import Settings
from pipelines.settings import Settings as StackSettings

Run = Callable[..., list[list[Any]]]
pytestmark = pytest.mark.integration

NOW = datetime(2127, 3, 20, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)
MATURE_BEFORE = NOW - 7 * DAY
COLUMNS = (
    "payment_id varchar, event_at timestamp(6) with time zone, probability double, decision varchar, model_version varchar"
)
CHALLENGER = "challenger_version varchar, challenger_probability double"
FINDING = "payment_id varchar, event_at timestamp(6) with time zone, kafka_at timestamp(6) with time zone, fraud boolean"
# Probabilities of a tenth, so that many are equal.
DRAWN = np.random.default_rng(20).integers(0, 11, (80, 2)) / 10
FRAUD = np.random.default_rng(21).random(80) < DRAWN.mean(axis=1)
STOPPED = DRAWN[:, 0] >= 0.6


@pytest.fixture(scope="module")
def lake(local_stack: StackSettings, run: Run) -> Iterator[Ask]:
    """The door to a lake whose scores have a challenger's too: 80 mature ones and five of the last day."""
    run("CREATE SCHEMA IF NOT EXISTS gold")
    run(f"CREATE TABLE gold.shadowed ({COLUMNS}, {CHALLENGER})")
    run(f"CREATE TABLE gold.unshadowed ({COLUMNS})")
    run(f"CREATE TABLE gold.found ({FINDING})")
    mature = [_row(f"m{i}", 9 * DAY, *pair, "4", "5") for i, pair in enumerate(DRAWN.tolist())]
    last = [(0.2, 0.1), (0.5, 0.7), (0.6, 0.65), (0.7, 0.6), (0.9, 0.2)]
    newest = [_row(f"n{i}", timedelta(hours=i + 1), *pair, "4", "5") for i, pair in enumerate(last)]
    others = [_row("old", 23 * DAY, 0.9, 0.9, "4", "5"), _row("pair", 9 * DAY, 0.9, 0.9, "3", "4")]
    earlier = [_row("earlier", timedelta(hours=20), 0.15, 0.9, "3", "4"), _row("alone", timedelta(0), 0.01, None, "4", None)]
    earlier[0][3] = "review"  # the champion before stopped more
    rows = [*mature, *newest, *others, *earlier]
    run(
        f"INSERT INTO gold.shadowed VALUES {', '.join('(?, ?, ?, ?, ?, ?, ?)' for _ in rows)}", [v for row in rows for v in row]
    )
    found = [[f"m{i}", NOW - 5 * DAY, NOW, True] for i in np.flatnonzero(FRAUD)]
    run(f"INSERT INTO gold.found VALUES {', '.join('(?, ?, ?, ?)' for _ in found)}", [v for row in found for v in row])
    there = local_stack.trino
    yield door(Settings(trino_host=there.host, trino_port=there.port, trino_user=there.user))
    for table in ("shadowed", "unshadowed", "found"):
        run(f"DROP TABLE gold.{table}")


def _row(
    name: str, ago: timedelta, probability: float, challenged: float | None, champion: str, challenger: str | None
) -> list[Any]:
    decision = "review" if probability >= 0.6 else "approve"
    return [name, NOW - ago, probability, decision, champion, challenger, challenged]


def _over(ask: Ask, table: str) -> Ask:
    """Ask of another table of scores: the real one is shared with other tests, and may have a challenger's columns or not."""

    def asked(statement: str, *parameters: object) -> list[list[Any]]:
        return ask(statement.replace("gold.fraud_scores", table).replace("silver.chargebacks", "gold.found"), *parameters)

    return asked


def _shadow(lake: Ask) -> shadow.Shadow:
    (found,) = shadow.shadows(_over(lake, "gold.shadowed"), NOW - DAY, NOW - 21 * DAY, MATURE_BEFORE)
    return found


def test_the_newest_pair_is_compared_by_its_decisions(lake: Ask) -> None:
    pair = _shadow(lake).agreement
    # Stopped from 0.6 on: the champion stops 0.6, 0.7 and 0.9, the challenger would stop 0.7, 0.65 and 0.6.
    assert pair[:6] == ("4", "5", 5, 3, 3, 2)
    assert pair.correlation == pytest.approx(np.corrcoef([0.2, 0.5, 0.6, 0.7, 0.9], [0.1, 0.7, 0.65, 0.6, 0.2])[0, 1])


def test_average_precision_is_that_of_scikit_learn_with_ties(lake: Ask) -> None:
    quality = _shadow(lake).quality
    assert (quality.payments, quality.frauds, quality.stopped) == (80, FRAUD.sum(), STOPPED.sum())
    assert quality.champion_precision == pytest.approx(average_precision_score(FRAUD, DRAWN[:, 0]))
    assert quality.challenger_precision == pytest.approx(average_precision_score(FRAUD, DRAWN[:, 1]))


def test_recalls_are_for_as_many_payments_stopped(lake: Ask) -> None:
    quality = _shadow(lake).quality
    names = np.array([f"m{i}" for i in range(len(FRAUD))])
    first = np.lexsort((names, -DRAWN[:, 1]))[: STOPPED.sum()]
    assert quality.champion_recall == pytest.approx(FRAUD[STOPPED].sum() / FRAUD.sum())
    assert quality.challenger_recall == pytest.approx(FRAUD[first].sum() / FRAUD.sum())


def test_without_mature_payments_nothing_is_judged(lake: Ask) -> None:
    (found,) = shadow.shadows(_over(lake, "gold.shadowed"), NOW - DAY, NOW - 8 * DAY, NOW - 8 * DAY)
    assert found.quality == shadow.Quality(0, 0, 0, None, None, None, None)


def test_equal_probabilities_have_no_correlation(lake: Ask) -> None:
    (found,) = shadow.shadows(_over(lake, "gold.shadowed"), NOW - timedelta(hours=1), NOW - 8 * DAY, MATURE_BEFORE)
    assert (found.agreement.payments, found.agreement.correlation) == (1, None)


def test_a_champion_that_stopped_nothing_gives_the_challenger_nothing_to_stop(lake: Ask) -> None:
    pair = _over(lake, "(SELECT * FROM gold.shadowed WHERE decision = 'approve')")
    (found,) = shadow.shadows(pair, NOW - DAY, NOW - 21 * DAY, MATURE_BEFORE)
    assert (found.agreement.payments, found.agreement.would_stop) == (2, 0)


def test_a_table_without_a_challengers_columns_has_no_shadow(lake: Ask) -> None:
    unshadowed = _over(lake, "gold.unshadowed")
    assert shadow.shadows(unshadowed, NOW - DAY, NOW - 21 * DAY, MATURE_BEFORE) == []
    with pytest.raises(UnknownColumn):
        unshadowed(shadow.AGREEMENT, NOW)


def test_nobody_in_the_shadow_is_no_shadow(lake: Ask) -> None:
    assert shadow.shadows(_over(lake, "gold.shadowed"), NOW, NOW - 21 * DAY, MATURE_BEFORE) == []
