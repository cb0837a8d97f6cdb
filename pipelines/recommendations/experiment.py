"""Which variant of the lists a visitor sees, and how two lists are interleaved so that one visitor
compares both.

A/B: a visitor sees the same variant for as long as the experiment has its name and shares. Team
draft: F. Radlinski, M. Kurup, T. Joachims, How Does Clickthrough Data Reflect Retrieval Quality?,
CIKM 2008, section 4.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from pipelines.base.errors import TidemarkError

# From the session; what is popular; both in one list by team draft; no list.
VARIANTS = ("session", "popular", "interleaved", "none")
SESSION, POPULAR, INTERLEAVED, NONE = range(len(VARIANTS))
NOBODY = 255  # the team of a place that holds no product
TEN = 10

Codes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class ExperimentError(TidemarkError):
    """The shares of an experiment cannot be dealt out."""


class Draft(NamedTuple):
    """Interleaved lists (n, k): which list each place is from (0 the first, 1 the second, NOBODY
    where both have ended), and at which place it stands there, -1 for none.
    """

    teams: Codes
    places: Places


def assignment(visitor_ids: Sequence[str], shares: Mapping[str, float], salt: str) -> Codes:
    """Return each visitor's variant (n,) as a position in VARIANTS, by hash of the visitor.

    `shares` are weights by variant, `salt` the experiment's name: another one deals anew. Raises
    ExperimentError for a variant that does not exist, a share below 0, and when all are 0.
    """
    bounds = _bounds(shares)
    dealt: Codes = np.searchsorted(bounds, _shares_of(visitor_ids, salt) * bounds[-1], side="right").astype(np.uint8)
    return dealt


def _bounds(shares: Mapping[str, float]) -> npt.NDArray[np.float64]:
    unknown = sorted(set(shares) - set(VARIANTS))
    if unknown or min(shares.values(), default=0.0) < 0 or not 0 < sum(shares.values()) < float("inf"):
        raise ExperimentError(
            f"Visitors cannot be dealt out with the shares {dict(shares)}: name some of {', '.join(VARIANTS)} with numbers of "
            "0 and more, not all of them 0, in [recommendations.variants] of conf/."
        )
    return np.array(list(accumulate(shares.get(variant, 0.0) for variant in VARIANTS)))


def _shares_of(visitor_ids: Sequence[str], salt: str) -> npt.NDArray[np.float64]:
    """Return a number in 0..1, 1 excluded, per visitor."""
    packed = b"".join(blake2b(f"{salt} {visitor}".encode(), digest_size=8).digest() for visitor in visitor_ids)
    return (np.frombuffer(packed, np.uint64) >> np.uint64(11)) / 2.0**53


def team_draft(first: Places, second: Places, seeds: Hashes, count: int = TEN) -> Draft:
    """Return two lists (n, k) of product numbers, each ended by -1, interleaved up to `count`.

    The team that has drafted less drafts next, a coin of the row's seed where both have drafted as
    often, and takes its highest product that is not yet on the list: so that each is as likely to
    come first, and a click is a vote.
    """
    teams = np.full((len(first), count), NOBODY, np.uint8)
    places = np.full((len(first), count), -1, np.int32)
    _draft(np.ascontiguousarray(first), np.ascontiguousarray(second), seeds, teams, places)
    return Draft(teams, places)


@compiled
def _draft(first, second, seeds, teams, places):  # type: ignore[no-untyped-def]
    drafted = np.empty(places.shape[1], first.dtype)
    for row in range(len(places)):
        drafts = np.zeros(2, np.int64)
        for slot in range(places.shape[1]):
            a, b = _best(first[row], drafted[:slot]), _best(second[row], drafted[:slot])
            if a < 0 and b < 0:
                break
            coin = _coin(seeds[row] + np.uint64(slot))
            team = int(drafts[1] < drafts[0] or (drafts[0] == drafts[1] and coin))
            if (b if team else a) < 0:
                team = 1 - team
            place = b if team else a
            drafted[slot] = second[row, place] if team else first[row, place]
            teams[row, slot], places[row, slot] = team, place
            drafts[team] += 1


@compiled
def _best(products, drafted):  # type: ignore[no-untyped-def]
    for place in range(len(products)):
        if products[place] < 0:
            return -1
        if products[place] not in drafted:
            return place
    return -1


@compiled
def _coin(seed):  # type: ignore[no-untyped-def]
    """Return the top bit of splitmix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014)."""
    mixed = seed + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(63) == np.uint64(1)


def warm_up() -> None:
    """Compile the draft, or load it from Numba's cache."""
    team_draft(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.int32), np.zeros(1, np.uint64))
