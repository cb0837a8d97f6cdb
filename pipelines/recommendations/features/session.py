"""The one definition of a session: clicks folded over session states, for training, the stream, a
rebuild and the API.

Clicks of a session are folded in the order given, which is the order of arrival. A click that comes
out of order is put at its place in time, by whole seconds; one that is older than all ITEMS that
are remembered is only counted. A click more than GAP_US after the newest one begins anew: only the
event ids stay. One that claims to be more than GAP_US before the newest one comes from a clock that
is wrong: it is taken as if it happened with the newest, so that the session goes on following its
visitor. Of the actions on a product the latest in time decides whether it is in the cart. A click
without a session's id is the first one of a session that nobody remembers, one without a product's
id only counts, and one without an event's id is never repeated. However many clicks there are, a
state has one size. All the compiled code is in this file, because Numba's cache notices changes per
file.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import SECOND_US, Integers, Records
from pipelines.base.ids import hashed

ITEMS = 20  # clicks remembered of a session
PLACES = 8  # products remembered in the cart, and of those bought
EVENTS = 8  # event ids remembered of a session
GAP_US = 1_800_000_000
MOST = 2**32 - 1  # clicks and seconds that a state can count
VIEW, CART, REMOVED, BOUGHT = 1, 2, 3, 4
ACTIONS = {"view": VIEW, "add_to_cart": CART, "remove_from_cart": REMOVED, "purchase": BOUGHT}  # any other word is a VIEW

CLICK = np.dtype([("at_us", "i8"), ("event", "u8"), ("product", "u8"), ("action", "u1")], align=True)

# No bytes lie between the fields: copies need not keep what does, and states are compared by bytes.
SESSION_STATE = np.dtype(
    [
        ("last_us", "i8"),
        ("events", "u8", (EVENTS,)),  # newest first
        ("items", "u8", (ITEMS,)),  # products clicked on, oldest first, repeats too; unused places are 0
        ("cart", "u8", (PLACES,)),  # newest first
        ("bought", "u8", (PLACES,)),  # newest first
        ("clicks", "u4"),  # of the session, remembered or not
        ("count", "u4"),  # of the items
        ("started_s", "u4"),
        ("at_s", "u4", (ITEMS,)),  # of the items, seconds since 1970
        ("actions", "u1", (ITEMS,)),  # of the items
    ],
    align=True,
)

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Folded(NamedTuple):
    """What clicks (n) give: the state of its session after each of them (n), the states that they
    leave, and which of them are `repeated` (n): their session had folded the event before.
    """

    after: Records
    states: Records
    repeated: npt.NDArray[np.bool_]


def new_sessions(sessions: int) -> Records:
    """Return the states of `sessions` sessions without a click."""
    return np.zeros(sessions, SESSION_STATE)


def product_hashes(product_ids: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return what stands for each product in states: 64 bits, the same everywhere and never 0."""
    return hashed(np.array(product_ids, object))


def product_hash(product_id: str) -> int:
    """Return what stands for a product in states."""
    return int(product_hashes([product_id])[0])


@compiled
def _seen_before(state, click):  # type: ignore[no-untyped-def]
    if click.event == 0:
        return False
    if click.event in state.events:
        return True
    _put_first(state.events, click.event)
    return False


@compiled
def _put_first(places, value):  # type: ignore[no-untyped-def]
    """Bring a value to the front of the remembered ones, and forget the last if it is new."""
    found = len(places) - 1
    for i in range(len(places)):
        if places[i] == value:
            found = i
            break
    for i in range(found, 0, -1):
        places[i] = places[i - 1]
    places[0] = value


@compiled
def _remove(places, value):  # type: ignore[no-untyped-def]
    for i in range(len(places)):
        if places[i] == value:
            for j in range(i, len(places) - 1):
                places[j] = places[j + 1]
            places[len(places) - 1] = 0
            return


@compiled
def _begin_anew(state):  # type: ignore[no-untyped-def]
    state.clicks = state.count = 0
    for i in range(ITEMS):
        state.items[i] = state.at_s[i] = state.actions[i] = 0
    for i in range(PLACES):
        state.cart[i] = state.bought[i] = 0


@compiled
def _move(state, origin, place):  # type: ignore[no-untyped-def]
    state.items[place] = state.items[origin]
    state.at_s[place] = state.at_s[origin]
    state.actions[place] = state.actions[origin]


@compiled
def _placed(state, at_s):  # type: ignore[no-untyped-def]
    """Make room for an item at its place in time, behind those of the same second, and return
    where; -1 where it is older than all that fit.
    """
    count = np.int64(state.count)
    place = count
    while place > 0 and state.at_s[place - 1] > at_s:
        place -= 1
    if count < ITEMS:
        for i in range(count, place, -1):
            _move(state, i - 1, i)
        state.count = count + 1
        return place
    for i in range(place - 1):
        _move(state, i + 1, i)
    return place - 1


@compiled
def _is_overruled(state, place):  # type: ignore[no-untyped-def]
    """Return whether a later item says what is in the cart of this one's product."""
    for i in range(place + 1, np.int64(state.count)):
        if state.items[i] == state.items[place] and state.actions[i] != VIEW:
            return True
    return False


@compiled
def _remember(state, click, at_s):  # type: ignore[no-untyped-def]
    is_known = VIEW <= click.action <= BOUGHT
    action = np.int64(click.action) if is_known else np.int64(VIEW)
    if action == BOUGHT:
        _put_first(state.bought, click.product)
    place = _placed(state, at_s)
    if place < 0:
        return
    state.items[place], state.at_s[place], state.actions[place] = click.product, at_s, action
    if action == VIEW or _is_overruled(state, place):
        return
    if action == CART:
        _put_first(state.cart, click.product)
    else:
        _remove(state.cart, click.product)


@compiled
def _fold_one(state, click):  # type: ignore[no-untyped-def]
    at_us = min(max(click.at_us, 0), MOST * SECOND_US)
    if state.clicks > 0 and at_us > state.last_us + GAP_US:
        _begin_anew(state)
    if state.clicks == 0:
        state.last_us, state.started_s = at_us, at_us // SECOND_US
    elif at_us < state.last_us - GAP_US:
        at_us = state.last_us
    at_s = at_us // SECOND_US
    state.last_us, state.started_s = max(state.last_us, at_us), min(state.started_s, at_s)
    state.clicks = min(state.clicks + 1, MOST)
    if click.product != 0:
        _remember(state, click, at_s)


@compiled
def _fold(states, sessions, nobodys, clicks, after, repeated):  # type: ignore[no-untyped-def]
    for i in range(len(sessions)):
        if sessions[i] < 0:
            nobodys[1] = nobodys[0]  # each time a new one
        state = nobodys[1] if sessions[i] < 0 else states[sessions[i]]
        if _seen_before(state, clicks[i]):
            repeated[i] = True
        else:
            _fold_one(state, clicks[i])
        after[i] = state


def fold(states: Records, sessions: Integers, clicks: Records) -> Folded:
    """Fold `clicks` (n, CLICK), in order of arrival, over `states` (SESSION_STATE), which are left
    as they are; click i is of the session with state `sessions[i]`, or of none where that is below
    0.

    A click whose event is among the last EVENTS ones of its session changes nothing.
    """
    after, left = new_sessions(len(clicks)), states.copy()
    repeated = np.zeros(len(clicks), np.bool_)
    _fold(left, sessions, new_sessions(2), clicks, after, repeated)
    return Folded(after, left, repeated)


def warm_up() -> None:
    """Compile the fold, or load its compiled code, before the first click waits for it."""
    fold(new_sessions(1), np.zeros(0, np.int64), np.zeros(0, CLICK))
