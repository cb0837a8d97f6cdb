"""The index of sessions: postings, pairs, facts and trends, for sessions of every odd kind."""

import numpy as np
import pytest
from shopping import sessions_of

from pipelines.recommendations.model import index as indexing
from pipelines.recommendations.model.index import (
    BACKWARD,
    FORWARD,
    LAST_SEEN,
    LONGEST,
    NEXT,
    POSTINGS,
    REPEATS,
    Index,
    build_index,
)
from pipelines.recommendations.model.sessions import Catalogue


def index_of(clicks: list[list[int]], **known: list[str]) -> Index:
    sessions = sessions_of(clicks)
    return build_index(sessions, Catalogue.unknown(len(sessions.products))._replace(**known))


def postings(index: Index, product: int) -> list[tuple[int, int]]:
    part = slice(index.posting_starts[product], index.posting_starts[product + 1])
    return list(zip(index.posting_sessions[part].tolist(), index.posting_places[part].tolist(), strict=True))


def pairs(index: Index, product: int, column: int) -> dict[int, float]:
    part = slice(index.pair_starts[product], index.pair_starts[product + 1])
    found = dict(zip(index.pair_products[part].tolist(), index.pair_values[part, column].tolist(), strict=True))
    return {other: value for other, value in found.items() if value}


def test_postings_lead_to_the_newest_sessions_and_the_last_place() -> None:
    index = index_of([[0, 1], [1, 0, 1, 2], [2]])
    assert postings(index, 1) == [(1, 2), (0, 1)]
    assert postings(index, 2) == [(2, 0), (1, 3)]


def test_a_popular_product_leads_to_its_newest_sessions_only() -> None:
    index = index_of([[0, 1]] * (POSTINGS + 5))
    assert [session for session, _ in postings(index, 0)] == list(range(POSTINGS + 4, 4, -1))


def test_a_bots_session_is_looked_at_in_its_newest_clicks_only() -> None:
    index = index_of([[0] + [1, 2] * 5000, [0, 1]])
    assert index.session_starts.tolist() == [0, LONGEST, LONGEST + 2]
    assert postings(index, 0) == [(1, 0)]


def test_pairs_are_shares_of_the_clicks_that_go_on() -> None:
    index = index_of([[0, 1], [0, 1], [0, 2, 1], [0]])
    smoothed = 3 + indexing.SMOOTHING
    assert pairs(index, 0, NEXT) == pytest.approx({1: 2 / smoothed, 2: 1 / smoothed})
    assert pairs(index, 0, FORWARD) == pytest.approx({1: (2 + indexing.STEP_DECAY) / smoothed, 2: 1 / smoothed})
    assert pairs(index, 2, BACKWARD) == pytest.approx({0: 1 / (1 + indexing.SMOOTHING)})


def test_only_the_strongest_pairs_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [[0, other] for other in range(1, 400)] + [[0, 5]] * 3
    index = index_of(many)
    found = pairs(index, 0, FORWARD)
    assert len(found) == indexing.PAIRS
    assert max(found, key=lambda other: found[other]) == 5


def test_facts_tell_repeats_and_ages() -> None:
    index = index_of([[0, 1, 0], [1, 2], [1]])
    assert index.facts[0, REPEATS] == pytest.approx(1 / (1 + indexing.SMOOTHING))
    assert index.facts[:3, LAST_SEEN] == pytest.approx([2 / 3, 0, 1 / 3])


def test_trends_are_by_category_too_and_of_what_is_sold() -> None:
    catalogue = Catalogue(["a", "b", "a", ""], [""] * 4, np.array([True, True, False, True]))
    index = build_index(sessions_of([[0, 1, 1, 2], [3, 3, 3, 1]]), catalogue)
    assert index.trending.tolist() == [1, 3, 0]
    assert index.category_starts.tolist() == [0, 1, 2]
    assert index.category_trending.tolist() == [0, 1]


@pytest.mark.parametrize("clicks", [[], [[]], [[0]], [[], [0], []]])
def test_few_clicks_or_none_are_an_index_too(clicks: list[list[int]]) -> None:
    index = index_of(clicks)
    assert len(index.session_starts) == len(clicks) + 1
    assert not len(index.pair_products)
