"""The fold gives what brute force over the whole session gives, however clicks are cut into
batches, shuffled or repeated.
"""

from itertools import pairwise

import numpy as np
import pytest
from brute_session import Click, Session, brute_force
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pipelines.base.arrays import Records
from pipelines.base.ids import NOBODY
from pipelines.recommendations.features.session import (
    ACTIONS,
    BOUGHT,
    CART,
    CLICK,
    EVENTS,
    GAP_US,
    ITEMS,
    PLACES,
    REMOVED,
    SESSION_STATE,
    VIEW,
    fold,
    new_sessions,
    product_hash,
    product_hashes,
)

SECOND_US, MINUTE_US = 1_000_000, 60_000_000
NOON_US = 20_000 * 86_400_000_000 + 43_200_000_000
SESSIONS = 3


def clicks(*changes: dict[str, int]) -> Records:
    """Build clicks a minute apart, each of its own event and product, changed as given."""
    made = np.zeros(len(changes), CLICK)
    for i, change in enumerate(changes):
        base = {"at_us": NOON_US + i * MINUTE_US, "event": i + 1, "product": i + 1, "action": VIEW}
        for name, value in {**base, **change}.items():
            made[name][i] = value
    return made


def session(state: Records) -> Session:
    """Return what a state holds; what it holds in unused places must be nothing."""
    count = int(state["count"])
    for name in ("items", "at_s", "actions"):
        assert not state[name][count:].any()
    items = list(zip(*(state[name][:count].tolist() for name in ("items", "at_s", "actions")), strict=True))
    events, cart, bought = ([each for each in state[name].tolist() if each] for name in ("events", "cart", "bought"))
    return Session(int(state["last_us"]), int(state["started_s"]), int(state["clicks"]), events, items, cart, bought)


def folded(made: Records) -> Session:
    """Fold the clicks of one session."""
    return session(fold(new_sessions(1), np.zeros(len(made), np.int64), made).states[0])


@st.composite
def histories(draw: st.DrawFn) -> tuple[np.ndarray, Records]:
    """Draw clicks of a few sessions in order of arrival, some late, some by clocks that jump, some
    without a session, a product or an event, some sent again; and whose they are.
    """
    steps = st.one_of(
        *[st.integers(-40, 40).map(lambda seconds: seconds * SECOND_US)] * 4,
        *[st.integers(-40 * SECOND_US, 3 * MINUTE_US)] * 2,
        st.sampled_from([0, GAP_US, GAP_US + 1, -GAP_US, -GAP_US - 1, 365 * 24 * 2 * GAP_US, -(10**18), 10**17]),
    )
    action = st.sampled_from([VIEW, CART, CART, REMOVED, BOUGHT, 0, 5])
    rows = draw(
        st.lists(st.tuples(st.integers(NOBODY, SESSIONS - 1), steps, st.integers(0, 4), action), min_size=1, max_size=60)
    )
    events = draw(st.lists(st.integers(0, 80), min_size=len(rows), max_size=len(rows)))
    made, clock = np.zeros(len(rows), CLICK), NOON_US
    for i, (_, step, product, action_code) in enumerate(rows):
        jumped = clock + step
        clock = jumped if abs(step) < 10**15 else clock
        made[i] = (jumped, events[i], product, action_code)
    return np.array([row[0] for row in rows], np.int64), made


@given(histories(), st.lists(st.integers(0, 60), max_size=5))
def test_any_cut_into_batches_gives_the_states_of_one_pass(history, cuts):
    sessions, made = history
    whole, parts = fold(new_sessions(SESSIONS), sessions, made), new_sessions(SESSIONS)
    after, repeated = [], []
    edges = sorted({0, len(made), *(min(cut, len(made)) for cut in cuts)})
    for a, b in pairwise(edges):
        part = fold(parts, sessions[a:b], made[a:b])
        parts = part.states
        after.append(part.after)
        repeated.append(part.repeated)
    assert np.concatenate(after).tobytes() == whole.after.tobytes()
    assert np.concatenate(repeated).tolist() == whole.repeated.tolist()
    assert parts.tobytes() == whole.states.tobytes()


@given(histories(), st.permutations(range(SESSIONS)))
def test_the_order_among_sessions_changes_nothing(history, order):
    sessions, made = history
    place = np.array([order.index(each) if each >= 0 else SESSIONS for each in sessions])
    shuffled = np.argsort(place, kind="stable")
    whole = fold(new_sessions(SESSIONS), sessions, made)
    other = fold(new_sessions(SESSIONS), sessions[shuffled], made[shuffled])
    assert other.states.tobytes() == whole.states.tobytes()
    assert other.after.tobytes() == whole.after[shuffled].tobytes()


def in_time(click: np.void) -> Click:
    """Return a click as brute force takes it: no time before 1970, none after 2106."""
    at_us, event, product, action = click.tolist()
    return Click(min(max(at_us, 0), (2**32 - 1) * SECOND_US), event, product, action)


@given(histories())
def test_every_state_is_that_of_brute_force_over_the_whole_session(history):
    sessions, made = history
    after = fold(new_sessions(SESSIONS), sessions, made).after
    for i, number in enumerate(sessions):
        own = [in_time(c) for c, s in zip(made[: i + 1], sessions[: i + 1], strict=True) if s == number]
        assert session(after[i]) == brute_force(own if number != NOBODY else own[-1:])


@given(histories(), st.integers(0, 59), st.integers(0, EVENTS - 1))
def test_a_click_sent_twice_is_folded_once(history, sent, gap):
    sessions, made = history
    sent = min(sent, len(made) - 1)
    made["event"] = np.arange(1, len(made) + 1)
    assume(sessions[sent] != NOBODY)
    again = min(sent + 1 + gap, len(made))
    whole = fold(new_sessions(SESSIONS), sessions, made)
    twice = fold(new_sessions(SESSIONS), np.insert(sessions, again, sessions[sent]), np.insert(made, again, made[sent]))
    assert twice.repeated.nonzero()[0].tolist() == [again]
    assert twice.states.tobytes() == whole.states.tobytes()


@given(st.permutations(range(12)), st.lists(st.integers(1, 4), min_size=12, max_size=12))
@example(list(range(12))[::-1], [CART] * 12)
def test_clicks_out_of_order_leave_the_items_and_the_cart_of_those_in_order(order, actions):
    made = clicks(*({"product": i % 4 + 1, "action": action} for i, action in enumerate(actions)))
    right, mixed = folded(made), folded(made[list(order)])
    assert mixed.items == right.items
    assert sorted(mixed.cart) == sorted(right.cart)
    assert sorted(mixed.bought) == sorted(right.bought)


def test_ten_thousand_clicks_of_a_bot_leave_the_newest():
    state = folded(clicks(*({"at_us": NOON_US + i * SECOND_US, "action": CART} for i in range(10_000))))
    assert state.clicks == 10_000
    assert [product for product, *_ in state.items] == list(range(9_981, 10_001))
    assert state.cart == list(range(10_000, 10_000 - PLACES, -1))


def test_half_an_hour_of_silence_begins_anew_but_remembers_the_events():
    within = clicks({"action": BOUGHT}, {"at_us": NOON_US + GAP_US})
    assert folded(within).bought == [1]
    beyond = clicks({"action": BOUGHT}, {"at_us": NOON_US + GAP_US + 1}, {"event": 1})
    assert folded(beyond) == Session(
        NOON_US + GAP_US + 1, (NOON_US + GAP_US) // SECOND_US, 1, [2, 1], [(2, 1728045000, 1)], [], []
    )


def test_a_clock_that_is_wrong_by_a_year_still_lets_the_session_follow_its_visitor():
    state = folded(clicks({}, {"at_us": NOON_US - 365 * 86_400 * SECOND_US}, {"at_us": NOON_US + 1}))
    assert [product for product, *_ in state.items] == [1, 2, 3]


@pytest.mark.parametrize(
    ("actions", "cart"),
    [
        ([CART], [1]),
        ([CART, REMOVED], []),
        ([CART, BOUGHT], []),
        ([CART, BOUGHT, CART], [1]),
        ([CART, VIEW], [1]),
        ([REMOVED, VIEW], []),
    ],
)
def test_a_cart_is_what_was_put_in_and_not_taken_out(actions, cart):
    assert folded(clicks(*({"product": 1, "action": action} for action in actions))).cart == cart


def test_words_that_are_not_of_the_contract_are_views():
    assert folded(clicks({"action": 77})).items == folded(clicks({"action": VIEW})).items
    assert ACTIONS == {"view": 1, "add_to_cart": 2, "remove_from_cart": 3, "purchase": 4}


def test_states_are_small_and_have_no_bytes_between_their_fields():
    assert SESSION_STATE.itemsize == sum(kind.itemsize for kind, *_ in SESSION_STATE.fields.values()) == 472
    assert (ITEMS, PLACES) == (20, 8)


def test_the_states_before_are_left_as_they_are():
    states = new_sessions(1)
    fold(states, np.zeros(1, np.int64), clicks({}))
    assert not states["clicks"].any()


def test_products_have_hashes_that_are_the_same_everywhere():
    assert product_hash("product-1") == int(product_hashes(["product-2", "product-1"])[1])
    assert product_hash("") == 1760245841805064774
