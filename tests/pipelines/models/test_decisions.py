"""A probability at a threshold is on its upper side."""

import numpy as np

from pipelines.models.decisions import Policy, decide


def test_decisions_change_at_the_thresholds() -> None:
    told = decide(np.array([0.0, 0.19, 0.2, 0.79, 0.8, 1.0]), Policy(review_at=0.2, decline_at=0.8))
    assert told.tolist() == ["approve", "approve", "review", "review", "decline", "decline"]
