"""Moves the champion alias of the fraud model: to a challenger that the gate lets through, or to a
version that somebody names.
"""

from typing import NamedTuple

from pipelines.fraud.model import fraud_model
from pipelines.fraud.model.gate import judge
from pipelines.fraud.model.history import History
from pipelines.models import promotion
from pipelines.models.registry import ModelRegistry
from pipelines.models.verdict import Verdict

GATE = "jobs/tasks/promote_fraud_model.py"


class Servable(NamedTuple):
    """A registered version that loads, and the bytes of its file."""

    model: fraud_model.Model
    size: int


def decide(registry: ModelRegistry, name: str, history: History, snapshots: dict[str, str]) -> Verdict | None:
    """Let the challenger through the gate or refuse it, and write the verdict to its version; None
    without a challenger.
    """

    def judged(champion_version: str | None, challenger_version: str) -> Verdict:
        champion, challenger = (
            promotion.servable(version, lambda each: _servable(registry, name, each))
            for version in (champion_version, challenger_version)
        )
        return promotion.judged(
            champion, challenger, lambda old, new: judge(old.model, new.model, (old.size, new.size), history)
        )

    return promotion.decide(registry, name, judged, snapshots)


def _servable(registry: ModelRegistry, name: str, version: str) -> Servable:
    """Return a version that can serve; raises ModelError where it cannot."""
    packed = registry.packed(name, version)
    return Servable(fraud_model.load(packed), len(packed.content))


def take_up(registry: ModelRegistry, name: str, version: str, *, at_once: bool) -> None:
    """Make a newly trained version the champion if that is wished, or if the present champion
    cannot serve.
    """
    promotion.take_up(registry, name, version, fraud_model.load, at_once=at_once, gate=GATE)


def set_champion(registry: ModelRegistry, name: str, version: str) -> None:
    """Make a version the champion that can serve, such as the one before: a rollback. Raises
    ModelError where it cannot.
    """
    promotion.set_champion(registry, name, version, fraud_model.load)
