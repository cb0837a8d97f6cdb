"""The real MLflow registry: what is registered comes back as the champion, and nothing but our
native format is loaded.
"""

import mlflow
import pytest
from fraud_histories import a_history
from fraud_models import a_booster

from pipelines.base.errors import ModelError, ServiceUnreachable
from pipelines.base.provenance import commit
from pipelines.base.settings import Mlflow
from pipelines.fraud import decision_replay, promotion
from pipelines.fraud.features.card_state import FEATURE_SET
from pipelines.fraud.model import fraud_model
from pipelines.models.registry import CHALLENGER, LOADER, ModelRegistry, _native

pytestmark = pytest.mark.integration
NAME = "fraud-registry-test"


@pytest.fixture(scope="module")
def registry(local_stack) -> ModelRegistry:
    return ModelRegistry(local_stack.mlflow)


def register(registry: ModelRegistry) -> str:
    return registry.register(NAME, a_booster(), {"rounds": 10}, {"xgboost_auc": 0.9}, {"silver.payments": "42"})


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_a_registered_model_is_the_champion_with_all_its_facts(registry):
    assert registry.champion_version("nobody") is None
    version = register(registry)
    assert registry.champion_version(NAME) == version
    packed = registry.packed(NAME, version)
    assert fraud_model.load(packed).version == version
    run = registry.client.get_run(registry.client.get_model_version(NAME, version).run_id).data
    assert run.metrics == {"xgboost_auc": 0.9}
    assert run.params == {"rounds": "10"}
    assert {"silver.payments": "42", "feature_set": FEATURE_SET}.items() <= run.tags.items()
    assert run.tags["git_commit"] == commit()


@pytest.mark.filterwarnings("ignore")
def test_the_next_one_is_the_challenger_until_it_is_promoted_and_a_rollback_is_the_same_move(registry):
    first, second = register(registry), register(registry)
    promotion.set_champion(registry, NAME, first)
    assert (registry.champion_version(NAME), registry.version_of(NAME, CHALLENGER)) == (first, second)
    registry.promote(NAME, second)
    assert (registry.champion_version(NAME), registry.version_of(NAME, CHALLENGER)) == (second, None)
    promotion.set_champion(registry, NAME, first)
    assert registry.champion_version(NAME) == first


@pytest.mark.filterwarnings("ignore")
def test_a_newly_trained_version_is_taken_up_at_once_only_where_that_is_wished_or_nothing_serves(registry):
    first, second = register(registry), register(registry)
    promotion.take_up(registry, NAME, first, at_once=True)
    promotion.take_up(registry, NAME, second, at_once=False)
    assert registry.champion_version(NAME) == first
    registry.client.set_model_version_tag(NAME, first, "sha256", "0" * 64)
    promotion.take_up(registry, NAME, second, at_once=False)
    assert registry.champion_version(NAME) == second


@pytest.mark.filterwarnings("ignore")
def test_the_gate_s_verdict_is_written_to_version_and_run_and_the_alias_moves_only_when_it_promotes(registry):
    first, second = register(registry), register(registry)
    promotion.take_up(registry, NAME, first, at_once=True)
    verdict = promotion.decide(registry, NAME, a_history(), {"silver.payments": "42"})
    assert not verdict.promoted
    assert registry.champion_version(NAME) == first
    told = registry.client.get_model_version(NAME, second)
    assert {"gate": "refused", "gate_champion": first, "gate_silver.payments": "42"}.items() <= told.tags.items()
    assert told.tags["gate_reasons"].startswith("no gain that is likelier than 90%")
    run = registry.client.get_run(told.run_id).data
    assert run.tags["gate"] == "refused"
    assert run.metrics["gate_challenger_average_precision"] == verdict.figures["challenger_average_precision"]

    registry.client.set_model_version_tag(NAME, first, "sha256", "0" * 64)
    assert promotion.decide(registry, NAME, a_history(), {}).promoted
    assert (registry.champion_version(NAME), registry.version_of(NAME, CHALLENGER)) == (second, None)
    assert promotion.decide(registry, NAME, a_history(), {}) is None


@pytest.mark.filterwarnings("ignore")
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


@pytest.mark.filterwarnings("ignore")
def test_a_model_to_replay_with_is_named_by_version_or_alias(registry):
    first, second = register(registry), register(registry)
    promotion.take_up(registry, NAME, first, at_once=True)
    assert decision_replay.chosen(registry, NAME, "champion").version == first
    assert decision_replay.chosen(registry, NAME, "challenger").version == second
    assert decision_replay.chosen(registry, "other", f"{NAME}/{second}").version == second
    with pytest.raises(ModelError, match=f"Model {NAME} has no best: choose champion, challenger, or NAME/VERSION"):
        decision_replay.chosen(registry, NAME, "best")


@pytest.mark.filterwarnings("ignore")
def test_a_version_without_its_digest_is_refused(registry):
    version = register(registry)
    registry.client.delete_model_version_tag(NAME, version, "sha256")
    with pytest.raises(ModelError, match="has no tags sha256"):
        registry.packed(NAME, version)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "flavours",
    [
        {"python_function": {"loader_module": "os"}, "xgboost": {"model_format": "ubj", "data": "model.ubj"}},
        {"python_function": {"loader_module": LOADER}, "xgboost": {"model_format": "ubj", "data": "model.ubj", "code": "code"}},
        {"xgboost": {"model_format": "xgb", "data": "model.xgb"}},
        {"xgboost": {"model_format": "ubj", "data": "../../elsewhere"}},
        {"sklearn": {"pickled_model": "model.pkl"}},
        {},
    ],
)
def test_models_that_would_run_code_are_refused_unread(flavours, tmp_path):
    mlflow.models.Model(flavors=flavours).save(tmp_path / "MLmodel")
    with pytest.raises(ModelError, match="so it is not loaded"):
        _native(tmp_path, "Model evil version 1")


def test_a_registry_that_refuses_the_password_is_one_sentence(registry, local_stack):
    stranger = ModelRegistry(Mlflow(url=registry.url, password="not-the-password"))
    with pytest.raises(ServiceUnreachable, match="failed with error code 401"):
        stranger.champion_version(NAME)
    assert ModelRegistry(local_stack.mlflow).champion_version("nobody") is None


def test_an_unreachable_registry_is_one_sentence(registry, local_stack):
    nowhere = ModelRegistry(Mlflow(url="http://127.0.0.1:9", password=local_stack.mlflow.password))
    with pytest.raises(ServiceUnreachable, match=r"MLflow at http://127\.0\.0\.1:9 says"):
        nowhere.champion_version(NAME)
    mlflow.set_tracking_uri(registry.url)
