"""Moves the champion alias: to a challenger that the gate lets through, or to a version that
somebody names.
"""

from typing import NamedTuple

from pipelines.base import logs
from pipelines.base.errors import ModelError
from pipelines.fraud.model import fraud_model
from pipelines.fraud.model.gate import Verdict, judge
from pipelines.fraud.model.history import History
from pipelines.models.registry import ModelRegistry

log = logs.get(__name__)


def decide(registry: ModelRegistry, name: str, history: History, snapshots: dict[str, str]) -> Verdict | None:
    """Let the challenger through the gate or refuse it, and write the verdict to its version; None
    without a challenger.
    """
    version = registry.challenger_version(name)
    if version is None:
        log.info("nothing_to_promote", model=name)
        return None
    champion = registry.champion_version(name)
    verdict = judged(registry, name, champion, version, history)
    outcome = {"gate": "promoted" if verdict.promoted else "refused", "gate_reasons": "; ".join(verdict.reasons)}
    against = {"gate_champion": str(champion), **{f"gate_{table}": snapshot for table, snapshot in snapshots.items()}}
    registry.note(name, version, {**outcome, **against}, {f"gate_{figure}": value for figure, value in verdict.figures.items()})
    if verdict.promoted:
        registry.promote(name, version)
    log.info(f"gate_{outcome['gate']}", version=version, champion=champion, reasons=verdict.reasons, **verdict.figures)
    return verdict


def judged(
    registry: ModelRegistry, name: str, champion_version: str | None, challenger_version: str, history: History
) -> Verdict:
    """Return the gate's verdict; a challenger that cannot serve is refused, a champion that cannot
    is replaced.
    """
    challenger, champion = (servable(registry, name, version) for version in (challenger_version, champion_version))
    if isinstance(challenger, str):
        return Verdict(False, (challenger,), {})
    if isinstance(champion, str):
        return Verdict(True, (f"the champion cannot serve: {champion}",), {})
    return judge(champion.model, challenger.model, (champion.size, challenger.size), history)


class Servable(NamedTuple):
    """A registered version that loads, and the bytes of its file."""

    model: fraud_model.Model
    size: int


def servable(registry: ModelRegistry, name: str, version: str | None) -> Servable | str:
    """Return a version that can serve, or in words why it cannot."""
    if version is None:
        return "there is none"
    try:
        packed = registry.packed(name, version)
        return Servable(fraud_model.load(packed), len(packed.content))
    except ModelError as error:
        return str(error)


def take_up(registry: ModelRegistry, name: str, version: str, *, at_once: bool) -> None:
    """Make a newly trained version the champion if that is wished, or if the present champion
    cannot serve.
    """
    champion = registry.champion_version(name)
    if at_once or isinstance(servable(registry, name, champion), str):
        set_champion(registry, name, version)
    elif champion == version:
        log.info("first_champion", version=version)
    else:
        log.info(
            "champion_stays", champion=champion, challenger=version, next="jobs/tasks/promote_fraud_model.py compares them"
        )


def set_champion(registry: ModelRegistry, name: str, version: str) -> None:
    """Make a version the champion that can serve, such as the one before: a rollback. Raises
    ModelError where it cannot.
    """
    fraud_model.load(registry.packed(name, version))
    before = registry.champion_version(name)
    registry.promote(name, version)
    registry.note(name, version, {"gate": "set without comparing", "gate_champion": str(before)}, {})
    log.info("champion_set", version=version, before=before)
