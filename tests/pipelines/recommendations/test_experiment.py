"""Who sees which variant, and lists that two teams have drafted."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.recommendations.experiment import NOBODY, VARIANTS, ExperimentError, assignment, team_draft

SHARES = {"session": 0.45, "popular": 0.25, "interleaved": 0.2, "none": 0.1}
VISITORS = [f"visitor-{number}" for number in range(20_000)]
lists = st.lists(st.integers(0, 12), max_size=8, unique=True)


def test_visitors_are_dealt_out_by_their_shares() -> None:
    counts = Counter(VARIANTS[code] for code in assignment(VISITORS, SHARES, "spring"))
    for variant, share in SHARES.items():
        assert counts[variant] / len(VISITORS) == pytest.approx(share, abs=0.012)


def test_a_visitor_stays_in_a_variant_whoever_else_comes_and_another_experiment_deals_anew() -> None:
    together = assignment(VISITORS, SHARES, "spring")
    assert [assignment([visitor], SHARES, "spring")[0] for visitor in VISITORS[:200]] == together[:200].tolist()
    again = assignment(VISITORS, SHARES, "autumn")
    same = float((together == again).mean())
    assert same == pytest.approx(sum(share**2 for share in SHARES.values()), abs=0.015)


def test_shares_are_weights_and_a_variant_without_a_share_is_never_dealt() -> None:
    dealt = assignment(VISITORS, {"popular": 3, "none": 1}, "spring")
    assert set(dealt) == {VARIANTS.index("popular"), VARIANTS.index("none")}
    assert float((dealt == VARIANTS.index("popular")).mean()) == pytest.approx(0.75, abs=0.012)
    assert assignment([], SHARES, "spring").shape == (0,)


@pytest.mark.parametrize("shares", [{}, {"session": 0.0}, {"session": -1.0}, {"sesion": 1.0}, {"session": float("nan")}])
def test_shares_that_cannot_be_dealt_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ExperimentError, match=r"name some of session, popular, interleaved, none"):
        assignment(["visitor-1"], shares, "spring")


def drafted(first: list[int], second: list[int], seed: int, count: int) -> list[tuple[int, int]]:
    """Return team and product per place, drafted for one row."""
    rows = [np.array([[*products, -1]], np.int32) for products in (first, second)]
    draft = team_draft(*rows, np.array([seed], np.uint64), count)
    found = [(int(t), int(p)) for t, p in zip(draft.teams[0], draft.places[0], strict=True)]
    ended = [(team, place) for team, place in found if team == NOBODY]
    assert found == [*found[: len(found) - len(ended)], *ended]
    return [(team, (first, second)[team][place]) for team, place in found if team != NOBODY]


@given(lists, lists, st.integers(0, 2**64 - 1), st.integers(1, 10))
def test_a_draft_takes_each_teams_best_that_is_left(first: list[int], second: list[int], seed: int, count: int) -> None:
    left, turns = [first, second], [0, 0]
    found = drafted(first, second, seed, count)
    for team, product in found:
        left = [[each for each in products if each != product] if product in products else products for products in left]
        turns[team] += 1
    assert len({product for _, product in found}) == len(found) == min(count, len({*first, *second}))
    chosen: list[int] = []
    for team, product in found:
        assert product == next(each for each in (first, second)[team] if each not in chosen)
        chosen.append(product)
    if {*first}.isdisjoint(second) and min(len(first), len(second)) * 2 >= count:
        assert abs(turns[0] - turns[1]) <= 1


def test_each_team_comes_first_as_often() -> None:
    rows = np.tile(np.arange(5, dtype=np.int32), (20_000, 1))
    draft = team_draft(rows, rows + 100, np.arange(20_000, dtype=np.uint64), 5)
    assert float((draft.teams[:, 0] == 0).mean()) == pytest.approx(0.5, abs=0.015)
    assert float((draft.teams == 0).mean()) == pytest.approx(0.5, abs=0.005)
    assert (draft.teams[:, 0] != draft.teams[:, 1]).all()


def test_lists_that_are_alike_are_shared_fairly() -> None:
    rows = np.tile(np.arange(6, dtype=np.int32), (10_000, 1))
    draft = team_draft(rows, rows, np.arange(10_000, dtype=np.uint64), 6)
    assert (draft.places == np.arange(6)).all()
    assert float((draft.teams == 0).mean()) == pytest.approx(0.5, abs=0.01)
