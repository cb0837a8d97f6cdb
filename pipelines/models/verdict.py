"""What a gate has found out about a challenger, whatever the model."""

from collections.abc import Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Verdict:
    """What the gate has found: whether the challenger is promoted, why, and the figures of both."""

    promoted: bool
    reasons: tuple[str, ...]
    figures: Figures
