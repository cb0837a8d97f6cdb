"""What each variant of the experiment shows: one definition for stream, API and benchmarks."""

from collections.abc import Callable

import numpy as np

from pipelines.base.arrays import Records
from pipelines.recommendations.experiment import (
    INTERLEAVED,
    NOBODY,
    NONE,
    POPULAR,
    SESSION,
    Codes,
    Hashes,
    team_draft,
)
from pipelines.recommendations.model.lists import Lists

Recommend = Callable[[Records], Lists]


def shown(recommend: Recommend, states: Records, assigned: Codes, seeds: Hashes) -> tuple[Lists, Codes]:
    """Return the list of each session (n, k) in its variant, and the team (n, k) that put each
    product on it: a position in VARIANTS, NOBODY where there is no product.

    `recommend` makes lists of states; what is popular is what it makes of a session of which
    nothing is known but the cart and what was bought. `assigned` (n,) holds positions in VARIANTS,
    `seeds` (n,) one number per list, such as the hash of its click's event id.
    """
    lists = recommend(np.where((assigned == POPULAR), forgotten(states), states))
    teams = np.where(assigned[:, None] == POPULAR, POPULAR, SESSION).astype(np.uint8)
    teams = np.repeat(teams, lists.products.shape[1], axis=1)
    _interleave(lists, teams, recommend, states, assigned, seeds)
    _show_nothing(lists, assigned == NONE)
    teams[lists.products < 0] = NOBODY
    return lists, teams


def forgotten(states: Records) -> Records:
    """Return sessions of which only the cart and what was bought is known."""
    blank = states.copy()
    for field in ("count", "items", "at_s", "actions"):
        blank[field] = 0
    return blank


def _interleave(lists: Lists, teams: Codes, recommend: Recommend, states: Records, assigned: Codes, seeds: Hashes) -> None:
    """Put what is popular into the lists of those who see both, by team draft."""
    rows = np.flatnonzero(assigned == INTERLEAVED)
    if not len(rows):
        return
    popular = recommend(forgotten(states[rows]))
    draft = team_draft(lists.products[rows], popular.products, seeds[rows], lists.products.shape[1])
    place, nobody = np.maximum(draft.places, 0), draft.teams == NOBODY
    for field, nothing in (("products", -1), ("scores", 0), ("reasons", 0), ("because", -1)):
        of_session, of_popular = getattr(lists, field), getattr(popular, field)
        chosen = np.where(
            draft.teams == 1,
            np.take_along_axis(of_popular, place, axis=1),
            np.take_along_axis(of_session[rows], place, axis=1),
        )
        of_session[rows] = np.where(nobody, nothing, chosen)
    teams[rows] = np.where(draft.teams == 1, POPULAR, SESSION)


def _show_nothing(lists: Lists, rows: np.ndarray) -> None:
    for field, nothing in (("products", -1), ("scores", 0), ("reasons", 0), ("because", -1)):
        getattr(lists, field)[rows] = nothing
