"""Registered versions of the recommender, each with what the next one is built from."""

from pipelines.base import logs
from pipelines.base.errors import ModelError
from pipelines.gold.sessions import TABLE as SESSIONS
from pipelines.models.registry import CHALLENGER, CHAMPION, ModelRegistry
from pipelines.recommendations import building, training_sessions
from pipelines.recommendations.building import Before, Built, Past
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.recommender import FORMAT

SESSIONS_FILE = "sessions.npz"
# Tags of a version: until when (us) sessions ended that it has learned from, and how many rows
# gold.sessions had of sessions up to then.
LEARNED_UNTIL, ROWS = "learned_until_us", "rows_until_then"

log = logs.get(__name__)


def register(registry: ModelRegistry, name: str, index: Built, options: Options, came: Past) -> str:
    """Register an index of sessions that came, with them beside it, and return its version."""
    until_us = index.learned_until_us
    rows = building.rows_until(came, until_us)
    facts = {SESSIONS.name: str(came.snapshot_id), LEARNED_UNTIL: str(until_us), ROWS: str(rows)}
    beside = {SESSIONS_FILE: index.sessions}
    parameters = {option: str(value) for option, value in options}
    return registry.register_arrays(name, index.content, parameters, index.metrics, facts, feature_set=FORMAT, beside=beside)


def newest(registry: ModelRegistry, name: str) -> Before | None:
    """Return what the challenger was built from, else the champion; None, and why in the log, where
    nothing can be built on from either.
    """
    version = registry.version_of(name, CHALLENGER) or registry.version_of(name, CHAMPION)
    if version is None:
        log.info("built_whole", reason="there is no version to go on from", model=name)
        return None
    try:
        sessions = training_sessions.unpacked(
            registry.beside(name, version, SESSIONS_FILE), f"{SESSIONS_FILE} of {name} {version}"
        )
        return Before(sessions, _number(registry, name, version, ROWS))
    except ModelError as error:
        log.warning("built_whole", reason=str(error))
        return None


def learned_until_us(registry: ModelRegistry, name: str, version: str) -> int:
    """Return until when sessions ended that a version has learned from (us); raises ModelError
    where that is not written down.
    """
    return _number(registry, name, version, LEARNED_UNTIL)


def _number(registry: ModelRegistry, name: str, version: str, tag: str) -> int:
    value = registry.tags(name, version).get(tag, "")
    if not value.isdigit():
        raise ModelError(f"Model {name} version {version} has no tag {tag}: build the index with this code.")
    return int(value)
