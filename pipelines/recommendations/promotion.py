"""Moves the champion alias of the recommender: to a new index that the gate lets through, or to a
version that somebody names.
"""

from pipelines.models import promotion
from pipelines.models.registry import ModelRegistry
from pipelines.models.verdict import Verdict
from pipelines.recommendations import training_sessions, versions
from pipelines.recommendations.gate import Candidate, judge
from pipelines.recommendations.model import recommender
from pipelines.recommendations.model.recommender import FORMAT
from pipelines.recommendations.model.sessions import Sessions

GATE = "jobs/tasks/promote_recommendations.py"


def champion_of_todays_format(registry: ModelRegistry, name: str) -> str | None:
    """Return the version of the champion, None where there is none or it is of another format than
    this code reads.
    """
    version = registry.champion_version(name)
    return version if version and registry.feature_set(name, version) == FORMAT else None


def decide(registry: ModelRegistry, name: str, sessions: Sessions, snapshots: dict[str, str]) -> Verdict | None:
    """Let the challenger through the gate or refuse it, and write the verdict to its version; None
    without a challenger.

    It judges by the newest `sessions`, in order, which `snapshots` tell of.
    """

    def judged(champion_version: str | None, challenger_version: str) -> Verdict:
        champion, challenger = (
            promotion.servable(version, lambda each: _candidate(registry, name, each))
            for version in (champion_version, challenger_version)
        )
        return promotion.judged(champion, challenger, lambda old, new: _by_newest(old, new, sessions))

    return promotion.decide(registry, name, judged, snapshots)


def _by_newest(champion: Candidate, challenger: Candidate, sessions: Sessions) -> Verdict:
    """Judge by the sessions that ended after all from which either has learned."""
    unseen = training_sessions.after(sessions, max(champion.learned_until_us, challenger.learned_until_us))
    past, _ = training_sessions.parted(sessions, unseen.count)
    return judge(champion, challenger, past, unseen)


def _candidate(registry: ModelRegistry, name: str, version: str) -> Candidate:
    """Return a version that can serve; raises ModelError where it cannot."""
    packed = registry.packed(name, version)
    return Candidate(recommender.load(packed), len(packed.content), versions.learned_until_us(registry, name, version))


def take_up(registry: ModelRegistry, name: str, version: str, *, at_once: bool) -> None:
    """Make a newly built version the champion if that is wished, or if the present champion cannot
    serve.
    """
    promotion.take_up(registry, name, version, recommender.load, at_once=at_once, gate=GATE)


def set_champion(registry: ModelRegistry, name: str, version: str) -> None:
    """Make a version the champion that can serve, such as the one before: a rollback. Raises
    ModelError where it cannot.
    """
    promotion.set_champion(registry, name, version, recommender.load)
