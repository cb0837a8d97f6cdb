"""The loop gives every visitor the list that the stream would have given after the newest click."""

from collections import defaultdict
from itertools import islice

import numpy as np
import pytest

from benchmarks.uplift import shop_past
from benchmarks.uplift.closed_loop import ClosedLoop
from benchmarks.uplift.measured_sessions import BOUGHT, CLICKED, EXPOSURES, REVENUE, measured
from benchmarks.uplift.shop_past import Past
from pipelines.recommendations.experiment import VARIANTS
from pipelines.recommendations.features.session import ACTIONS, CLICK, fold, new_sessions, product_hash
from pipelines.recommendations.model.lists import Rules
from pipelines.recommendations.model.recommending import recommend
from simulator.event import Event
from simulator.shop import Shop


@pytest.fixture(scope="module")
def past() -> Past:
    """Some minutes of a shop, and the model that they give."""
    return shop_past.past(3, rate=20.0, seconds=2_000.0)


def one_by_one(past: Past, clicks: list[Event]) -> list[str]:
    """Return the list of a session after these clicks, each folded alone."""
    state = new_sessions(1)
    for event in clicks:
        click = np.zeros(1, CLICK)
        click["at_us"], click["event"] = event.at, product_hash(event.record["event_id"])
        click["product"], click["action"] = product_hash(event.record["product_id"]), ACTIONS[event.record["action"]]
        state = fold(state, np.zeros(1, np.int64), click).states
    return [past.model.products[number] for number in recommend(past.model, state, Rules(), 10).products[0] if number >= 0]


def test_lists_made_together_are_those_made_one_by_one(past: Past) -> None:
    loop = ClosedLoop(past.model, "session", past.levels, Rules(), 10)
    clicks: dict[str, list[Event]] = defaultdict(list)
    for event in islice(Shop(3, shop_past.START + 1, 20.0, past.assortment, steady=True).events(), 3_000):
        if event.topic == "shop.clicks":
            loop.see(event)
            clicks[event.key].append(event)
    for session_id in list(clicks)[:40]:
        offer = loop.newer(session_id, None, "exposure-1")
        assert offer is not None
        assert offer.recommendation_id == f"recommendation-{clicks[session_id][-1].record['event_id']}"
        assert offer.products == one_by_one(past, clicks[session_id])
        assert set(offer.teams) == {"session"}
        assert loop.newer(session_id, offer.recommendation_id, "exposure-2") is None


def test_what_is_out_of_stock_is_on_no_list(past: Past) -> None:
    loop = ClosedLoop(past.model, "popular", past.levels, Rules(), 10)
    click = next(e for e in Shop(3, shop_past.START + 2, 20.0, past.assortment).events() if e.topic == "shop.clicks")
    loop.see(click)
    offer = loop.newer(click.key, None, "exposure-1")
    assert offer is not None
    gone = offer.products[0]
    loop.see(Event("shop.inventory", gone, 1, {"quantity": -past.levels[gone]}))
    again = click._replace(record={**click.record, "event_id": "click-again"})
    loop.see(again)
    after = loop.newer(click.key, None, "exposure-2")
    assert after is not None
    assert after.products[0] != gone
    assert gone not in after.products


@pytest.mark.parametrize("variant", VARIANTS)
def test_sessions_are_counted_with_what_was_shown_clicked_and_bought(past: Past, variant: str) -> None:
    loop = ClosedLoop(past.model, variant, past.levels, Rules(), 10)
    sessions = measured(past, loop, 120.0, won_over=0.5).sessions
    assert len(sessions) > 200
    assert set(sessions[:, BOUGHT]) == {0.0, 1.0}
    assert ((sessions[:, REVENUE] > 0) == (sessions[:, BOUGHT] > 0)).all()
    assert (sessions[:, CLICKED] <= sessions[:, EXPOSURES]).all()
    assert (sessions[:, EXPOSURES].sum() > 0) == (variant != "none")
