"""Whether a new index may replace the champion: both foretell what visitors looked at next in the
newest sessions, from which neither has learned.

A new index knows newer sessions and newer products, so it need not be better, only nowhere clearly
worse, and better than to show everybody what most look at.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipelines.base.arrays import Integers, Numbers
from pipelines.models.verdict import Figures, Verdict
from pipelines.recommendations import quality
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.model.sessions import Sessions
from pipelines.recommendations.quality import Answers

LEAST_QUESTIONS, MOST_QUESTIONS = 100, 20_000
RESAMPLES, LIKELY = 200, 0.9
# Of an index of the newest sessions somewhat fewer products may come to be shown.
COVERAGE_RATIO = 0.8
LATENCY_RATIO, UNNOTICED_US, LARGEST_US = 3.0, 500.0, 5_000.0
# It travels through the online store to every worker.
LARGEST_BYTES = 200_000_000


class Candidate(NamedTuple):
    """A version that loads, the bytes of its file, and until when sessions ended that it has
    learned from (us).
    """

    model: Model
    size: int
    learned_until_us: int


def judge(champion: Candidate, challenger: Candidate, past: Sessions, unseen: Sessions) -> Verdict:
    """Return the verdict on a challenger, by sessions `unseen` by both; `past` are those before,
    which say what is popular.
    """
    questions = quality.questions(unseen).first(MOST_QUESTIONS)
    count = {"unseen_sessions_count": float(unseen.count), "unseen_questions_count": float(len(questions.answer))}
    if len(questions.answer) < LEAST_QUESTIONS:
        return Verdict(False, (_too_few(len(questions.answer)),), count)
    both = {"champion": champion, "challenger": challenger}
    answers = {"popularity": quality.by_popularity(past, questions)}
    figures = dict(count)
    for who, candidate in both.items():
        answers[who], shown = quality.answered(candidate.model, questions)
        figures |= {f"{who}_shown_count": float(shown), f"{who}_bytes": float(candidate.size)}
    figures |= {f"{who}_{name}": value for who, each in answers.items() for name, value in each.figures.items()}
    times = quality.us_per_query([each.model for each in both.values()], questions)
    figures |= {f"{who}_us": us for who, us in zip(both, times, strict=True)}
    for rival in ("champion", "popularity"):
        gains = resampled_gains(questions.session, answers[rival], answers["challenger"])
        figures |= {f"likely_worse_than_{rival}_{name}": float((gain < 0).mean()) for name, gain in gains.items()}
    refusals = tuple(_worse(figures))
    return Verdict(not refusals, refusals or tuple(_as_good(figures)), figures)


def resampled_gains(session: Integers, before: Answers, new: Answers) -> dict[str, Numbers]:
    """Return what the `new` answers gain over those `before` in hit rate and in reciprocal rank,
    per question, for each of many resamples of the sessions.

    Sessions are drawn with replacement, since the questions of one are not independent, and both
    are measured on the same ones (paired bootstrap; Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993).
    """
    of_session = np.unique(session, return_inverse=True)[1]
    count = int(of_session.max(initial=-1)) + 1
    times = np.random.default_rng(7).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    drawn = times @ np.bincount(of_session)
    gained = {"hr20_pct": new.hit.astype(float) - before.hit, "mrr20_pct": new.reciprocal - before.reciprocal}
    return {name: 100 * (times @ np.bincount(of_session, gain)) / drawn for name, gain in gained.items()}


def _too_few(questions: int) -> str:
    return (
        f"{questions} looks at another product are known in sessions from which neither index has learned, and "
        f"{LEAST_QUESTIONS} are needed: let more sessions end"
    )


def _worse(figures: Figures) -> Iterator[str]:
    """Yield a reason for each thing that keeps the challenger from being promoted."""
    for rival in ("champion", "popularity"):
        for name in ("hr20_pct", "mrr20_pct"):
            worse = figures[f"likely_worse_than_{rival}_{name}"]
            if worse >= LIKELY:
                yield f"likely worse than {rival} ({worse:.0%} of resamples): {_beside(figures, rival, name)}"
    limits = {
        "us": min(max(figures["champion_us"] * LATENCY_RATIO, UNNOTICED_US), LARGEST_US),
        "bytes": float(LARGEST_BYTES),
    }
    for name, limit in limits.items():
        if figures[f"challenger_{name}"] > limit:
            yield f"{name} {figures[f'challenger_{name}']:.4g} is above {limit:.4g}"
    least = figures["champion_shown_count"] * COVERAGE_RATIO
    if figures["challenger_shown_count"] < least:
        yield f"{figures['challenger_shown_count']:.0f} products come to be shown, fewer than {least:.0f}"


def _as_good(figures: Figures) -> Iterator[str]:
    return (_beside(figures, rival, name) for rival in ("champion", "popularity") for name in ("hr20_pct", "mrr20_pct"))


def _beside(figures: Figures, rival: str, name: str) -> str:
    return f"{name} {figures[f'challenger_{name}']:.4g}, {rival} {figures[f'{rival}_{name}']:.4g}"
