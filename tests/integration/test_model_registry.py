"""The real MLflow registry: what is registered comes back as the champion, and nothing but our native format is loaded."""

import mlflow
import pytest
from fraud_models import a_booster

from pipelines.errors import ModelError, ServiceUnreachable
from pipelines.features.card_records import FEATURE_SET
from pipelines.model_registry import LOADER, ModelRegistry, _native
from pipelines.models import fraud
from pipelines.settings import Mlflow

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
    assert fraud.load(packed).version == version
    run = registry.client.get_run(registry.client.get_model_version(NAME, version).run_id).data
    assert run.metrics == {"xgboost_auc": 0.9}
    assert run.params == {"rounds": "10"}
    assert {"silver.payments": "42", "feature_set": FEATURE_SET}.items() <= run.tags.items()
    assert len(run.tags["git_commit"]) == 40


@pytest.mark.filterwarnings("ignore")
def test_the_next_one_takes_the_alias_and_a_rollback_gives_it_back(registry):
    first, second = register(registry), register(registry)
    assert registry.champion_version(NAME) == second
    registry.client.set_registered_model_alias(NAME, "champion", first)
    assert registry.champion_version(NAME) == first


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
