"""The champion's alias in the real registry: moved by the gate, by hand, and back."""

import pytest
from fraud_histories import a_history
from fraud_models import a_booster, registered

from pipelines.base.errors import ModelError
from pipelines.fraud import decision_replay, promotion
from pipelines.models.registry import CHALLENGER, ModelRegistry

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own
NAME = "fraud-promotion-test"


@pytest.fixture(scope="module")
def registry(local_stack) -> ModelRegistry:
    return ModelRegistry(local_stack.mlflow)


def register(registry: ModelRegistry) -> str:
    return registered(registry, NAME, a_booster())


def test_the_next_one_is_the_challenger_until_it_is_promoted_and_a_rollback_is_the_same_move(registry):
    first, second = register(registry), register(registry)
    promotion.set_champion(registry, NAME, first)
    assert (registry.champion_version(NAME), registry.version_of(NAME, CHALLENGER)) == (first, second)
    registry.promote(NAME, second)
    assert (registry.champion_version(NAME), registry.version_of(NAME, CHALLENGER)) == (second, None)
    promotion.set_champion(registry, NAME, first)
    assert registry.champion_version(NAME) == first


def test_a_newly_trained_version_is_taken_up_at_once_only_where_that_is_wished_or_nothing_serves(registry):
    first, second = register(registry), register(registry)
    promotion.take_up(registry, NAME, first, at_once=True)
    promotion.take_up(registry, NAME, second, at_once=False)
    assert registry.champion_version(NAME) == first
    registry.client.set_model_version_tag(NAME, first, "sha256", "0" * 64)
    promotion.take_up(registry, NAME, second, at_once=False)
    assert registry.champion_version(NAME) == second


def test_the_gate_s_verdict_is_written_to_version_and_run_and_the_alias_moves_only_when_it_promotes(registry):
    first, second = register(registry), register(registry)
    promotion.take_up(registry, NAME, first, at_once=True)
    verdict = promotion.decide(registry, NAME, a_history(), {"silver.payments": "42"})
    assert not verdict.promoted
    assert registry.champion_version(NAME) == first
    described = registry.client.get_model_version(NAME, second)
    assert {"gate": "refused", "gate_champion": first, "gate_silver.payments": "42"}.items() <= described.tags.items()
    assert described.tags["gate_reasons"].startswith("no gain that is likelier than 90%")
    run = registry.client.get_run(described.run_id).data
    assert run.tags["gate"] == "refused"
    assert run.metrics["gate_challenger_average_precision"] == verdict.figures["challenger_average_precision"]

    registry.client.set_model_version_tag(NAME, first, "sha256", "0" * 64)
    assert promotion.decide(registry, NAME, a_history(), {}).promoted
    assert (registry.champion_version(NAME), registry.version_of(NAME, CHALLENGER)) == (second, None)
    assert promotion.decide(registry, NAME, a_history(), {}) is None


def test_a_challenger_that_cannot_be_loaded_is_refused_and_the_champion_stays(registry):
    first, second = register(registry), register(registry)
    promotion.take_up(registry, NAME, first, at_once=True)
    registry.client.set_model_version_tag(NAME, second, "sha256", "0" * 64)
    verdict = promotion.decide(registry, NAME, a_history(), {})
    assert not verdict.promoted
    assert "is not what was registered" in verdict.reasons[0]
    assert registry.champion_version(NAME) == first
    with pytest.raises(ModelError, match="is not what was registered"):
        promotion.set_champion(registry, NAME, second)


def test_a_version_that_does_not_exist_is_one_sentence(registry):
    with pytest.raises(ModelError, match="Model nobody has no version 99: look at its versions in MLflow"):
        promotion.set_champion(registry, "nobody", "99")


def test_a_model_to_replay_with_is_named_by_version_or_alias(registry):
    first, second = register(registry), register(registry)
    promotion.take_up(registry, NAME, first, at_once=True)
    assert decision_replay.chosen(registry, NAME, "champion").version == first
    assert decision_replay.chosen(registry, NAME, "challenger").version == second
    assert decision_replay.chosen(registry, "other", f"{NAME}/{second}").version == second
    with pytest.raises(ModelError, match=f"Model {NAME} has no best: choose champion, challenger, or NAME/VERSION"):
        decision_replay.chosen(registry, NAME, "best")
