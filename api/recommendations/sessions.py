"""Turns a session that a shop keeps itself into the state that the stream would hold of it, by the
same fold.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from api.recommendations.schema import Item, Session
from pipelines.base.arrays import Records
from pipelines.recommendations.features.session import ACTIONS, CLICK, PLACES, VIEW, fold, new_sessions, product_hashes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def state_of(session: Session, now_us: int) -> Records:
    """Return the state (1, SESSION_STATE) of a session; the times of items are `now_us` where it
    gives none.
    """
    clicks = np.zeros(len(session.items), CLICK)
    clicks["at_us"] = _times_us(session.items, now_us)
    clicks["product"] = product_hashes([item.product_id for item in session.items])
    clicks["action"] = [ACTIONS.get(item.action, VIEW) for item in session.items]
    state = fold(new_sessions(1), np.zeros(len(clicks), np.int64), clicks).states
    if session.cart is not None:
        state["cart"] = _cart(session.cart)
    return state


def products_beyond_places(session: Session) -> frozenset[str]:
    """Return the products of a cart for which a state has no place; they may not be on the list all
    the same.
    """
    return frozenset(_newest_first(session.cart or [])[PLACES:])


def _times_us(items: list[Item], now_us: int) -> list[int]:
    """Return when each item was, that of the one before where it does not say."""
    given = [_us(item.at) for item in items if item.at is not None]
    at_us = given[0] if given else now_us
    return [at_us := at_us if item.at is None else _us(item.at) for item in items]


def _us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _cart(products: list[str]) -> npt.NDArray[np.uint64]:
    places = np.zeros(PLACES, np.uint64)
    newest = product_hashes(_newest_first(products)[:PLACES])
    places[: len(newest)] = newest
    return places


def _newest_first(products: list[str]) -> list[str]:
    """Return each product of a cart once; those that were put in last come first."""
    return list(dict.fromkeys(reversed(products)))
