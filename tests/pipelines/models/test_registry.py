"""The real MLflow registry: what is registered comes back as the champion, nothing but our native
formats is loaded, and files that are not a model's are one refused version, whatever is wrong.
"""

import threading
from pathlib import Path

import mlflow
import numpy as np
import pytest
from fraud_models import a_booster, a_packed_model, registered

from pipelines.base.errors import ModelError, ServiceUnreachable
from pipelines.base.provenance import commit
from pipelines.base.settings import Mlflow
from pipelines.fraud.features.feature_set import FEATURE_SET, FEATURES
from pipelines.fraud.model import fraud_model
from pipelines.fraud.store import FraudStore
from pipelines.models import array_flavour, arrays
from pipelines.models.packed import Packed
from pipelines.models.publishing import ChampionWatch
from pipelines.models.registry import FILE, LOADER, ModelRegistry, _native

DESCRIBED = f"flavors:\n  python_function: {{loader_module: {LOADER}}}\n  xgboost: {{model_format: ubj, data: {FILE}}}\n"
NAME, SHELF = "fraud-registry-test", "shelf-registry-test"
PLAIN = {"flavors": {array_flavour.NAME: array_flavour.DESCRIPTION}}


@pytest.fixture(scope="module")
def registry(local_stack) -> ModelRegistry:
    return ModelRegistry(local_stack.mlflow)


def register(registry: ModelRegistry) -> str:
    return registered(registry, NAME, a_booster())


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_a_registered_model_is_the_champion_with_all_its_facts(registry):
    assert registry.champion_version("nobody") is None
    facts = {"silver.payments": "42"}
    version = registry.register(
        NAME, a_booster(), {"rounds": 10}, {"xgboost_auc": 0.9}, facts, feature_set=FEATURE_SET, answer="probability"
    )
    assert registry.champion_version(NAME) == version
    packed = registry.packed(NAME, version)
    assert fraud_model.load(packed).version == version
    run = registry.client.get_run(registry.client.get_model_version(NAME, version).run_id).data
    assert run.metrics == {"xgboost_auc": 0.9}
    assert run.params == {"rounds": "10"}
    assert {"silver.payments": "42", "feature_set": FEATURE_SET}.items() <= run.tags.items()
    assert run.tags["git_commit"] == commit()
    assert registry.feature_set(NAME, version) == FEATURE_SET
    signature = mlflow.models.get_model_info(f"models:/{NAME}/{version}").signature
    assert [(each.name, each.shape) for each in signature.inputs] == [("features", (-1, len(FEATURES)))]
    assert [each.name for each in signature.outputs] == ["probability"]


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_registered_arrays_come_back_with_all_their_facts_and_what_lies_beside_them(registry):
    content = arrays.packed({"numbers": np.arange(9)})
    facts, beside = {"gold.sessions": "42"}, {"rows.npz": b"rows", "more": b""}
    made = [
        registry.register_arrays(SHELF, content, {"depth": 6}, {"hr20_pct": 31.5}, facts, feature_set="shelf/1", beside=beside)
        for _ in range(2)
    ]
    assert (registry.champion_version(SHELF), registry.challenger_version(SHELF)) == tuple(made)
    packed = registry.packed(SHELF, made[1])
    packed.verify("shelf/1")
    assert packed.content == content
    with pytest.raises(ModelError, match="was trained on the features shelf/1, and this code makes shelf/2"):
        packed.verify("shelf/2")
    assert {"gold.sessions": "42", "feature_set": "shelf/1"}.items() <= registry.tags(SHELF, made[1]).items()
    run = registry.client.get_run(registry.client.get_model_version(SHELF, made[1]).run_id).data
    assert (run.metrics, run.params, run.tags["gold.sessions"]) == ({"hr20_pct": 31.5}, {"depth": "6"}, "42")
    assert registry.beside(SHELF, made[1], "rows.npz") == b"rows"
    with pytest.raises(ModelError, match=f"Model {SHELF} version {made[1]} has no other beside it: build it whole"):
        registry.beside(SHELF, made[1], "other")


@pytest.mark.integration
def test_what_is_no_file_of_plain_arrays_is_not_registered(registry):
    for content in (b"", b"words", arrays.packed({"numbers": np.arange(9)})[:-9]):
        with pytest.raises(ModelError, match=r"What is to be a version of model nobody is not a whole \.npz file"):
            registry.register_arrays("nobody", content, {}, {}, {}, feature_set="shelf/1")


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_the_next_one_is_the_challenger_until_it_is_promoted(registry):
    first, second = register(registry), register(registry)
    registry.promote(NAME, first)
    assert (registry.champion_version(NAME), registry.challenger_version(NAME)) == (first, second)
    registry.promote(NAME, second)
    assert (registry.champion_version(NAME), registry.challenger_version(NAME)) == (second, None)


@pytest.mark.integration
def test_a_version_that_does_not_exist_is_one_sentence(registry):
    for look in (registry.packed, registry.feature_set):
        with pytest.raises(ModelError, match="Model nobody has no version 99: look at its versions in MLflow"):
            look("nobody", "99")


@pytest.mark.integration
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
        {array_flavour.NAME: {**array_flavour.DESCRIPTION, "code": "code"}},
        {array_flavour.NAME: {**array_flavour.DESCRIPTION, "data": "../../elsewhere"}},
        {**PLAIN["flavors"], "python_function": {"loader_module": "os"}},
        {},
    ],
)
def test_models_that_would_run_code_are_refused_unread(flavours, tmp_path):
    mlflow.models.Model(flavors=flavours).save(tmp_path / "MLmodel")
    for file in (FILE, array_flavour.FILE):
        (tmp_path / file).write_bytes(b"whole")
    with pytest.raises(ModelError, match=r"without code of its own .* so it is not loaded"):
        _native(tmp_path, "Model evil version 1")


@pytest.mark.integration
def test_a_registry_that_refuses_the_password_is_one_sentence(registry, local_stack):
    stranger = ModelRegistry(Mlflow(url=registry.url, password="not-the-password"))
    with pytest.raises(ServiceUnreachable, match=r"failed with error code 401.*after a change run `make down` first"):
        stranger.champion_version(NAME)
    assert ModelRegistry(local_stack.mlflow).champion_version("nobody") is None


@pytest.mark.integration
def test_an_unreachable_registry_is_one_sentence(registry, local_stack):
    nowhere = ModelRegistry(Mlflow(url="http://127.0.0.1:9", password=local_stack.mlflow.password))
    with pytest.raises(ServiceUnreachable, match=r"MLflow at http://127\.0\.0\.1:9 says"):
        nowhere.champion_version(NAME)
    mlflow.set_tracking_uri(registry.url)


@pytest.mark.parametrize(
    "described",
    [None, DESCRIBED, "flavors: {unclosed", "", "only words", "flavors: [xgboost]", f"{DESCRIBED}signature: {{}}\n"],
    ids=["no files", "no model", "no yaml", "nothing", "no mapping", "a list", "a broken signature"],
)
def test_broken_files_are_refused_in_a_sentence(described: str | None, tmp_path: Path) -> None:
    if described is not None:
        (tmp_path / "MLmodel").write_text(described)
    with pytest.raises(ModelError, match=r"Model fraud version 2 cannot be read .* register one"):
        _native(tmp_path, "Model fraud version 2")


def test_a_whole_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(DESCRIBED)
    (tmp_path / FILE).write_bytes(b"trees")
    assert _native(tmp_path, "Model fraud version 2") == b"trees"


def test_whole_arrays_are_read(tmp_path: Path) -> None:
    mlflow.models.Model(**PLAIN).save(tmp_path / "MLmodel")
    (tmp_path / array_flavour.FILE).write_bytes(b"arrays")
    assert _native(tmp_path, "Model shelf version 2") == b"arrays"


class OnDisk:
    """A registry whose champion's files lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def champion_version(self, name: str) -> str | None:
        return "2"

    def challenger_version(self, name: str) -> str | None:
        return None

    def packed(self, name: str, version: str) -> Packed:
        return a_packed_model(version, content=_native(self.folder, f"Model {name} version {version}"))


def test_the_watch_over_the_champion_refuses_broken_files_and_goes_on(store: FraudStore, tmp_path: Path) -> None:
    store.models.publish(a_packed_model("1"))
    watch = ChampionWatch(OnDisk(tmp_path), store.models, "fraud", fraud_model.load, 60, threading.Event())
    watch.look()
    assert watch.refused == "2"
    assert store.models.current_version("fraud") == "1"
