"""However sessions were gathered, the same ones are the same arrays: nobody's and bots' are left
out, and the newest are the same ones whenever the older ones were dropped.
"""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ids import NO_ID
from past_sessions import Row, a_past, a_session, rows_of

from pipelines.base.errors import ModelError
from pipelines.models import arrays
from pipelines.recommendations import training_sessions
from pipelines.recommendations.features.session import BOUGHT, CART, REMOVED, VIEW
from pipelines.recommendations.model.sessions import Sessions
from pipelines.recommendations.training_sessions import NONE

WORDS = ["view", "add_to_cart", "remove_from_cart", "purchase", "wishlist"]


@st.composite
def pasts(draw: st.DrawFn) -> list[Row]:
    """Sessions of a few products, some of which end in the same moment or are empty."""
    made = []
    for number in range(draw(st.integers(0, 12))):
        clicks = draw(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(WORDS)), max_size=4))
        begin = draw(st.integers(0, 5))
        seconds = range(begin, begin + len(clicks))
        made.append(a_session(number, [p for p, _ in clicks], seconds, [a for _, a in clicks]))
    return made


def gathered(rows: Sequence[Row], most: int = 100, before: Sessions = NONE, at_once: int = 100) -> Sessions:
    batches = rows_of(rows).to_batches(max_chunksize=at_once)
    return training_sessions.gathered(batches, most, NO_ID, before)


def assert_same(found: Sessions, expected: Sessions) -> None:
    assert found.products == expected.products
    for name in ("offsets", "items", "at_us", "actions"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@given(pasts(), st.randoms(), st.integers(1, 15), st.integers(1, 5))
def test_the_order_in_which_they_come_and_the_batches_change_nothing(past, random, most, at_once) -> None:
    shuffled = random.sample(past, len(past))
    assert_same(gathered(shuffled, most, at_once=at_once), gathered(past, most))


@given(pasts(), st.integers(1, 15), st.integers(0, 6))
def test_those_before_and_those_that_ended_since_are_all_of_them(past, most, moment) -> None:
    ended = [row["ended_at"] for row in past]
    cut = sorted(ended)[len(ended) * moment // 7] if past else None
    old, new = ([row for row in past if (row["ended_at"] <= cut) == is_old] for is_old in (True, False))
    assert_same(gathered(new, most, before=gathered(old, most)), gathered(past, most))


@given(pasts(), st.integers(0, 12))
def test_those_held_out_are_the_newest_and_the_rest_is_what_was_before_them(past, held_out) -> None:
    everything = gathered(past)
    learned, unseen = training_sessions.parted(everything, held_out)
    assert learned.count + unseen.count == everything.count
    assert unseen.count <= held_out
    if unseen.count:
        until = training_sessions.ends(learned)[-1]
        assert until < training_sessions.ends(unseen)[0]
        assert_same(unseen, training_sessions.after(everything, until))
    assert_same(training_sessions.merged([learned, unseen]), everything)


@given(pasts())
def test_they_come_back_from_their_file(past) -> None:
    sessions = gathered(past)
    assert_same(training_sessions.unpacked(training_sessions.packed(sessions), "a version"), sessions)


def test_they_are_in_order_of_their_ends_with_their_clicks_as_they_were() -> None:
    late = a_session(1, ["b", "a"], [10, 90], ["add_to_cart", "purchase"])
    early = a_session(2, ["c", "b", "c"], [0, 20, 60], ["view", "remove_from_cart", "wishlist"])
    found = gathered([late, early])
    assert found.products == ["a", "b", "c"]
    assert found.offsets.tolist() == [0, 3, 5]
    assert found.items.tolist() == [2, 1, 2, 1, 0]
    assert found.actions.tolist() == [VIEW, REMOVED, VIEW, CART, BOUGHT]
    assert np.diff(found.at_us).tolist() == [20_000_000, 40_000_000, -50_000_000, 80_000_000]


def test_nobody_teaches_anything_and_no_product_is_none() -> None:
    rows = [
        a_session(1, ["a", "undefined", "b"], [0, 1, 2]),
        a_session(2, ["b", "a"], [3, 4], session_id="null"),
        a_session(3, ["-"], [5]),
        a_session(4, [], []),
    ]
    found = gathered(rows)
    assert (found.products, found.offsets.tolist(), found.items.tolist()) == (["a", "b"], [0, 2], [0, 1])
    assert_same(gathered([]), NONE)


def test_the_newest_are_those_that_end_last_and_all_that_end_with_the_oldest_of_them() -> None:
    past = [a_session(number, ["a", f"p{number}"], [0, end]) for number, end in enumerate([9, 3, 5, 5, 1])]
    found = gathered(past, most=2)
    assert found.products == ["a", "p0", "p2", "p3"]
    assert found.count == 3


@pytest.mark.parametrize("missing", ["products", "offsets", "moments"])
def test_a_file_that_lacks_arrays_is_refused(missing: str) -> None:
    whole = arrays.unpacked(training_sessions.packed(gathered(a_past(3))), "it")
    del whole[missing]
    with pytest.raises(
        ModelError, match=f"sessions of shelf 2 lacks the arrays {missing}, so it is not loaded: build it again"
    ):
        training_sessions.unpacked(arrays.packed(whole), "sessions of shelf 2")
