"""A Thompson bandit over variants: the shares by which the next visitors are dealt out, from how
the earlier ones fared.

Batched Thompson sampling with Beta posteriors: O. Chapelle, L. Li, An Empirical Evaluation of
Thompson Sampling, NIPS 2011, algorithm 2. Its shares go into `experiment.assignment` as any others
do, so that assignment stays a hash, is logged, and is the same in stream and API.
"""

import numpy as np

from pipelines.base.arrays import Integers, Numbers

DRAWS = 10_000  # a share is exact to half a percent
LEAST = 0.02  # no variant is given up, or it could never win again


def shares(successes: Integers, trials: Integers, seed: int, least: float = LEAST, draws: int = DRAWS) -> Numbers:
    """Return each variant's share of the next visitors (v,), which sum to 1: how probable it is
    that this variant's rate is the highest, and `least` in any case.

    `successes` of `trials` (v,) are those of the visitors so far, such as sessions that bought; a
    variant nobody has seen may be anything between 0 and 1. The same counts and seed give the same
    shares.
    """
    rates = np.random.default_rng(seed).beta(1 + successes, 1 + trials - successes, (draws, len(trials)))
    best = np.bincount(rates.argmax(axis=1), minlength=len(trials)) / draws
    return least + (1 - least * len(trials)) * best
