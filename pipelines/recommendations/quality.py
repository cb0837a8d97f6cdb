"""How well a recommender foretells the next product in sessions that it has not learned from: hit
rate and mean reciprocal rank of the first PLACES places (HR@20, MRR@20), beside popularity.

Asked is before every look at another product, from the session as the stream would have folded it
by then: what was clicked again, put into the cart or bought is no answer that helps anybody.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Integers, Numbers, Records
from pipelines.recommendations.features.session import CLICK, VIEW, fold, new_sessions, product_hashes
from pipelines.recommendations.model.lists import Rules
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.model.recommending import recommend
from pipelines.recommendations.model.sessions import Sessions

PLACES, SHOWN = 20, 10
AT_ONCE = 2_000  # questions, which bounds the memory that they take
TIMED, TURNS = 200, 5
NOTHING_AWAY = Rules(most_of_a_seller=PLACES)

Hashes = npt.NDArray[np.uint64]


class Questions(NamedTuple):
    """What visitors did next (n): the state of the session before (SESSION_STATE), the product that
    was looked at then, the one before it, and which session it was.
    """

    states: Records
    answer: Hashes
    current: Hashes
    session: Integers

    def first(self, most: int) -> "Questions":
        """Return the first `most` of them."""
        return Questions(self.states[:most], self.answer[:most], self.current[:most], self.session[:most])


class Answers(NamedTuple):
    """How good the answers were (n): which found the product, and one by its place in the list; 0
    where it was not in the first PLACES.
    """

    hit: npt.NDArray[np.bool_]
    reciprocal: Numbers

    @classmethod
    def of_places(cls, place: Integers) -> "Answers":
        """Return the answers where the product was at these places, from 0; -1 for nowhere."""
        hit = (place >= 0) & (place < PLACES)
        return cls(hit, np.where(hit, 1.0 / (np.maximum(place, 0) + 1.0), 0.0))

    @property
    def figures(self) -> dict[str, float]:
        """Return hit rate and mean reciprocal rank, in per cent."""
        return {"hr20_pct": 100 * float(self.hit.mean()), "mrr20_pct": 100 * float(self.reciprocal.mean())}


def questions(sessions: Sessions) -> Questions:
    """Return what there is to foretell in sessions."""
    session = np.repeat(np.arange(sessions.count), np.diff(sessions.offsets))
    clicks = np.zeros(len(session), CLICK)
    clicks["product"] = product_hashes(sessions.products)[sessions.items]
    clicks["at_us"], clicks["action"], clicks["event"] = sessions.at_us, sessions.actions, np.arange(1, len(clicks) + 1)
    before, looked = clicks["product"][:-1], clicks["product"][1:]
    goes_on = (session[1:] == session[:-1]) & (clicks["action"][1:] == VIEW) & (looked != before)
    after = fold(new_sessions(sessions.count), session, clicks).after
    return Questions(after[:-1][goes_on], looked[goes_on], before[goes_on], session[1:][goes_on])


def answered(model: Model, questions: Questions) -> tuple[Answers, int]:
    """Return how good a model's answers are, no product being out of stock, and how many products
    there are in the first SHOWN places of all of them.
    """
    places, shown = [np.zeros(0, np.int64)], np.zeros(len(model.products), np.bool_)
    wanted = model.numbers(questions.answer)
    for first in range(0, len(questions.answer), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        lists = recommend(model, questions.states[some], NOTHING_AWAY, PLACES).products
        places.append(_places(lists, wanted[some]))
        shown[lists[:, :SHOWN][lists[:, :SHOWN] >= 0]] = True
    return Answers.of_places(np.concatenate(places)), int(shown.sum())


def by_popularity(past: Sessions, questions: Questions) -> Answers:
    """Return how good it is to show everybody what most of the `past` clicks were on, but the
    product that is looked at.
    """
    clicks = np.bincount(past.items, minlength=len(past.products))
    best = product_hashes(past.products)[np.argsort(-clicks, kind="stable")[: PLACES + 1]]
    place, current = (
        _places(np.broadcast_to(best, (len(these), len(best))), these) for these in (questions.answer, questions.current)
    )
    return Answers.of_places(place - ((current >= 0) & (current < place)))


def us_per_query(models: Sequence[Model], questions: Questions) -> list[float]:
    """Return the microseconds that a list takes each model, one session at a time, at its quickest
    of several turns: a busy machine slows all alike.
    """
    states = questions.states[:TIMED]
    turns = [[_seconds(model, states) for model in models] for _ in range(TURNS)]
    return [min(of_one) * 1e6 / len(states) for of_one in zip(*turns, strict=True)]


def _seconds(model: Model, states: Records) -> float:
    begun = time.perf_counter()
    for i in range(len(states)):
        recommend(model, states[i : i + 1], NOTHING_AWAY, PLACES)
    return time.perf_counter() - begun


def _places(lists: npt.NDArray[np.generic], wanted: npt.NDArray[np.generic]) -> Integers:
    """Return where in its list (n, k) each wanted product (n) is; -1 for nowhere, and for one that
    is no product.
    """
    if not lists.shape[1]:
        return np.full(len(wanted), -1)
    is_it = (lists == wanted[:, None]) & (wanted[:, None].astype(np.int64) != -1)
    return np.where(is_it.any(axis=1), is_it.argmax(axis=1), -1)
