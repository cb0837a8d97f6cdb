"""The query finds what a look at every session finds, and leaves its memory as it was."""

import brute_neighbours
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shopping import sessions_of

from pipelines.recommendations.model import kernel
from pipelines.recommendations.model.index import Index, build_index
from pipelines.recommendations.model.kernel import (
    EVIDENCE,
    PAIR_FORWARD,
    QUERY,
    SIMILAR,
    Work,
    no_trees,
    no_vectors,
    weights_of,
    work_for,
)
from pipelines.recommendations.model.options import Kernel
from pipelines.recommendations.model.sessions import Catalogue

PRODUCTS = 9
clicks = st.lists(st.integers(0, PRODUCTS - 1), min_size=1, max_size=7)
kernels = st.builds(
    lambda **numbers: Kernel(**numbers),
    neighbours=st.sampled_from([1.0, 3.0, 500.0]),
    query_decay=st.sampled_from([0.5, 0.9]),
    match_decay=st.sampled_from([0.1, 0.8]),
    after_decay=st.sampled_from([0.4, 1.0]),
    before_share=st.sampled_from([0.0, 0.7]),
    recency=st.sampled_from([0.0, 3.0]),
    length_power=st.sampled_from([0.0, 0.5]),
    rarity_power=st.sampled_from([0.0, 1.0]),
)


def index_of(sessions: list[list[int]]) -> Index:
    return build_index(sessions_of(sessions, PRODUCTS), Catalogue.unknown(PRODUCTS))


def evidence(index: Index, numbers: Kernel, query: list[int], column: int) -> dict[int, float]:
    """Return one kind of evidence for each product that has any, and leave no trace."""
    work = work_for(index, no_vectors())
    touched, _, _ = kernel.gather(index, numbers, weights_of(index, numbers), no_vectors(), work, np.array(query, np.int32))
    found = {int(product): float(work.evidence[product, column]) for product in work.touched[:touched]}
    kernel.forget(work, touched)
    assert is_empty(work)
    return {product: value for product, value in found.items() if value}


def is_empty(work: Work) -> bool:
    return not work.similarity.any() and not work.evidence.any() and bool((work.because == -1).all())


@given(st.lists(clicks, min_size=1, max_size=12), clicks, kernels)
def test_neighbours_are_those_of_a_look_at_every_session(sessions: list[list[int]], query: list[int], numbers: Kernel) -> None:
    index = index_of(sessions)
    expected = brute_neighbours.similar(sessions, query, numbers, weights_of(index, numbers))
    found = evidence(index, numbers, query, SIMILAR)
    assert found == pytest.approx({product: value for product, value in expected.items() if value}, rel=1e-4)


@given(st.lists(clicks, min_size=1, max_size=12), clicks)
def test_pairs_are_those_of_a_look_at_every_session(sessions: list[list[int]], query: list[int]) -> None:
    numbers = Kernel()
    found = evidence_without_hops(index_of(sessions), numbers, query)
    assert found == pytest.approx(brute_neighbours.forward(sessions, query, numbers), rel=1e-4)


def evidence_without_hops(index: Index, numbers: Kernel, query: list[int]) -> dict[int, float]:
    """Return the pairs' evidence where pairs of pairs do not come in."""
    work = work_for(index, no_vectors())
    touched = kernel._add_pairs(index, weights_of(index, numbers), work, np.array(query, np.int32), 0)
    found = {int(product): float(work.evidence[product, PAIR_FORWARD]) for product in work.touched[:touched]}
    return {product: value for product, value in found.items() if value}


@given(st.lists(clicks, min_size=1, max_size=12), st.lists(clicks, min_size=1, max_size=4))
def test_a_query_is_not_changed_by_those_before_it(sessions: list[list[int]], queries: list[list[int]]) -> None:
    index, numbers = index_of(sessions), Kernel()
    parts = (index, numbers, weights_of(index, numbers), no_trees(), no_vectors())
    ends = np.cumsum([len(query) for query in queries])
    together = ranked(parts, np.concatenate(queries).astype(np.int32), ends)
    alone = [ranked(parts, np.array(query, np.int32), np.array([len(query)])) for query in queries]
    np.testing.assert_array_equal(together, np.concatenate(alone))


def ranked(parts: tuple, products: np.ndarray, ends: np.ndarray) -> np.ndarray:
    found, scores = np.full((len(ends), 20), -1, np.int32), np.zeros((len(ends), 20), np.float32)
    firsts = np.concatenate([[0], ends[:-1]])
    kernel.rank(*parts, work_for(parts[0], no_vectors()), products, firsts, ends, 20, found, scores)
    return found


def test_only_the_newest_clicks_of_a_session_are_looked_at() -> None:
    index, numbers = index_of([[0, 1], [2, 3]] * 5), Kernel()
    parts = (index, numbers, weights_of(index, numbers), no_trees(), no_vectors())
    long = np.array([0] * 50 + [2] * QUERY, np.int32)
    assert ranked(parts, long, np.array([len(long)])).tolist() == ranked(parts, long[-QUERY:], np.array([QUERY])).tolist()


def test_there_is_room_for_every_kind_of_evidence() -> None:
    assert max(kernel.MARK, kernel.NEWEST, kernel.BEFORE_NEXT) < EVIDENCE
