"""Moves the champion alias of any model: to a challenger that its gate lets through, or to a
version that somebody names.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pipelines.base import logs
from pipelines.base.errors import ModelError
from pipelines.models.packed import Packed
from pipelines.models.registry import ModelRegistry
from pipelines.models.verdict import Verdict

log = logs.get(__name__)

Servable = TypeVar("Servable")


def decide(
    registry: ModelRegistry, name: str, judge: Callable[[str | None, str], Verdict], snapshots: Mapping[str, str]
) -> Verdict | None:
    """Let the challenger through the gate or refuse it, and write the verdict to its version; None
    without a challenger.

    `judge` takes the versions of champion and challenger; `snapshots` are of the tables by whose
    rows it judges.
    """
    version = registry.challenger_version(name)
    if version is None:
        log.info("nothing_to_promote", model=name)
        return None
    champion = registry.champion_version(name)
    verdict = judge(champion, version)
    outcome = {"gate": "promoted" if verdict.promoted else "refused", "gate_reasons": "; ".join(verdict.reasons)}
    against = {"gate_champion": str(champion), **{f"gate_{table}": snapshot for table, snapshot in snapshots.items()}}
    registry.note(name, version, {**outcome, **against}, {f"gate_{figure}": value for figure, value in verdict.figures.items()})
    if verdict.promoted:
        registry.promote(name, version)
    log.info(f"gate_{outcome['gate']}", version=version, champion=champion, reasons=verdict.reasons, **verdict.figures)
    return verdict


def judged(
    champion: Servable | ModelError, challenger: Servable | ModelError, judge: Callable[[Servable, Servable], Verdict]
) -> Verdict:
    """Return what `judge` says of both; a challenger that cannot serve is refused unseen, a
    champion that cannot is replaced.
    """
    if isinstance(challenger, ModelError):
        return Verdict(False, (str(challenger),), {})
    if isinstance(champion, ModelError):
        return Verdict(True, (f"the champion cannot serve: {champion}",), {})
    return judge(champion, challenger)


def servable(version: str | None, get: Callable[[str], Servable]) -> Servable | ModelError:
    """Return what `get` makes of a version that can serve, or why it cannot."""
    if version is None:
        return ModelError("there is none")
    try:
        return get(version)
    except ModelError as error:
        return error


def take_up(
    registry: ModelRegistry, name: str, version: str, load: Callable[[Packed], object], *, at_once: bool, gate: str
) -> None:
    """Make a newly made version the champion if that is wished, or if the present champion cannot
    serve; `gate` is the job that compares them otherwise.
    """
    champion = registry.champion_version(name)
    serves = servable(champion, lambda present: load(registry.packed(name, present)))
    if at_once or isinstance(serves, ModelError):
        set_champion(registry, name, version, load)
    elif champion == version:
        log.info("first_champion", version=version)
    else:
        log.info("champion_stays", champion=champion, challenger=version, next=f"{gate} compares them")


def set_champion(registry: ModelRegistry, name: str, version: str, load: Callable[[Packed], object]) -> None:
    """Make a version the champion that can serve, such as the one before: a rollback. Raises
    ModelError where it cannot.
    """
    load(registry.packed(name, version))
    before = registry.champion_version(name)
    registry.promote(name, version)
    registry.note(name, version, {"gate": "set without comparing", "gate_champion": str(before)}, {})
    log.info("champion_set", version=version, before=before)
