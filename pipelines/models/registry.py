"""The MLflow model registry: trained models are registered here and the champion is fetched, in
native format only.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import mlflow.artifacts
import mlflow.xgboost
import numpy as np
import requests
import xgboost
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model as MlflowModel
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.types import Schema, TensorSpec

from pipelines.base.errors import ModelError, ServiceUnreachable
from pipelines.base.provenance import commit
from pipelines.base.settings import Mlflow
from pipelines.models import array_flavour, arrays
from pipelines.models.packed import Packed

CHAMPION, CHALLENGER = "champion", "challenger"
LOADER, FLAVOURS, FORMAT, FILE = "mlflow.xgboost", {"xgboost", "python_function"}, "ubj", "model.ubj"
MISSING = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}

UNAUTHORIZED = "error code 401"
AFTER_A_CHANGE = "it takes TIDEMARK_MLFLOW__PASSWORD when it starts, so after a change run `make down` first"


class ModelRegistry:
    """A client of one MLflow server; every method raises ServiceUnreachable when it does not
    answer.
    """

    def __init__(self, server: Mlflow) -> None:
        os.environ["MLFLOW_TRACKING_USERNAME"] = server.user
        os.environ["MLFLOW_TRACKING_PASSWORD"] = server.password.get_secret_value()
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        mlflow.set_tracking_uri(server.url)
        self.url = server.url
        self.client = MlflowClient(server.url)

    def register(
        self,
        name: str,
        booster: xgboost.Booster,
        parameters: Mapping[str, float | int | str],
        metrics: Mapping[str, float],
        facts: Mapping[str, str],
        *,
        feature_set: str,
        answer: str,
    ) -> str:
        """Log a run with its model, register the model, and return its version: the first champion,
        or else the challenger.

        The booster has its policy in it, and takes the features of `feature_set`; `answer` names in
        the model's signature what it gives for each row of them. `facts` (data snapshot ids and the
        like) become tags of version and run beside the feature set.
        """

        def log() -> ModelInfo:
            signature = _signature(booster.num_features(), answer)
            logged: ModelInfo = mlflow.xgboost.log_model(
                booster, name=name, model_format=FORMAT, signature=signature, pip_requirements=["xgboost-cpu"]
            )
            return logged

        return self._register(name, bytes(booster.save_raw(FORMAT)), log, parameters, metrics, facts, feature_set)

    def register_arrays(
        self,
        name: str,
        content: bytes,
        parameters: Mapping[str, float | int | str],
        metrics: Mapping[str, float],
        facts: Mapping[str, str],
        *,
        feature_set: str,
        beside: Mapping[str, bytes] | None = None,
    ) -> str:
        """Do what `register` does with a model that is a `.npz` file of plain arrays.

        The files `beside` it become artifacts of the run: what the next version is made from, and
        nobody serves with. Raises ModelError for any other content.
        """
        arrays.unpacked(content, f"What is to be a version of model {name}")

        def log() -> ModelInfo:
            for file, value in (beside or {}).items():
                _log_file(file, value)
            return array_flavour.log_model(content, name)

        return self._register(name, content, log, parameters, metrics, facts, feature_set)

    def _register(
        self,
        name: str,
        content: bytes,
        log_model: Callable[[], ModelInfo],
        parameters: Mapping[str, float | int | str],
        metrics: Mapping[str, float],
        facts: Mapping[str, str],
        feature_set: str,
    ) -> str:
        """Log a run with a model whose native bytes are `content`, register it, and return its
        version.
        """
        with self._doing(f"register model {name}"):
            mlflow.set_experiment(name)
            tags = {**facts, "feature_set": feature_set, "git_commit": commit()}
            with mlflow.start_run(tags=tags) as run:
                mlflow.log_params(dict(parameters))
                mlflow.log_metrics(dict(metrics))
                logged = log_model()
            self._create(name)
            identity = {**facts, "sha256": hashlib.sha256(content).hexdigest(), "feature_set": feature_set}
            made = self.client.create_model_version(
                name, logged.model_uri, run.info.run_id, tags=identity, model_id=logged.model_id
            )
            alias = CHALLENGER if self.champion_version(name) else CHAMPION
            self.client.set_registered_model_alias(name, alias, made.version)
            return str(made.version)

    def promote(self, name: str, version: str) -> None:
        """Make a version the champion; a version that was the challenger is that no longer."""
        with self._doing(f"make version {version} of {name} the champion"):
            self.client.set_registered_model_alias(name, CHAMPION, version)
            if self.challenger_version(name) == version:
                self.client.delete_registered_model_alias(name, CHALLENGER)

    def note(self, name: str, version: str, tags: Mapping[str, str], metrics: Mapping[str, float]) -> None:
        """Write what was found out about a version: tags of the version and its run, metrics of the
        run.
        """
        with self._doing(f"write what was found out about {name} version {version}"):
            run_id = str(self.client.get_model_version(name, version).run_id)
            for key, value in tags.items():
                self.client.set_model_version_tag(name, version, key, value)
                self.client.set_tag(run_id, key, value)
            for key, number in metrics.items():
                self.client.log_metric(run_id, key, number)

    def champion_version(self, name: str) -> str | None:
        """Return the version that serves, or is to; None where there is none yet."""
        return self.version_of(name, CHAMPION)

    def challenger_version(self, name: str) -> str | None:
        """Return the version that scores in the shadow; None where there is none."""
        return self.version_of(name, CHALLENGER)

    def version_of(self, name: str, alias: str) -> str | None:
        """Return the version that an alias names; None where it names none."""
        with self._doing(f"look up the {alias} of {name}"):
            try:
                return str(self.client.get_model_version_by_alias(name, alias).version)
            except MlflowException as error:
                if error.error_code in MISSING:
                    return None
                raise

    def feature_set(self, name: str, version: str) -> str | None:
        """Return the feature set that a registered version was trained on; None where that is not
        written down. Raises ModelError where there is no such version.
        """
        return self.tags(name, version).get("feature_set")

    def tags(self, name: str, version: str) -> dict[str, str]:
        """Return the tags of a registered version; raises ModelError where there is no such
        version.
        """
        with self._doing(f"look at the tags of model {name} version {version}"):
            return self._tags(name, version)

    def beside(self, name: str, version: str, file: str) -> bytes:
        """Return a file that was registered beside a version.

        Raises ModelError where there is no such version, or no such file beside it.
        """
        with self._doing(f"fetch {file} of model {name} version {version}"), tempfile.TemporaryDirectory() as folder:
            self._tags(name, version)
            run_id = str(self.client.get_model_version(name, version).run_id)
            if file not in {each.path for each in self.client.list_artifacts(run_id)}:
                raise ModelError(f"Model {name} version {version} has no {file} beside it: build it whole.")
            return Path(self.client.download_artifacts(run_id, file, folder)).read_bytes()

    def packed(self, name: str, version: str) -> Packed:
        """Return a registered version; raises ModelError unless it is in native format with its
        digest and feature set.
        """
        with self._doing(f"fetch model {name} version {version}"), tempfile.TemporaryDirectory() as folder:
            tags = self._tags(name, version)
            path = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=folder))
            content = _native(path, f"Model {name} version {version}")
        if not {"sha256", "feature_set"} <= tags.keys():
            raise ModelError(
                f"Model {name} version {version} has no tags sha256 and feature_set: "
                "train it with the code that is to serve it."
            )
        return Packed(name, version, tags["feature_set"], tags["sha256"], content)

    def _tags(self, name: str, version: str) -> dict[str, str]:
        try:
            return dict(self.client.get_model_version(name, version).tags)
        except MlflowException as error:
            if error.error_code in MISSING:
                raise ModelError(
                    f"Model {name} has no version {version}: look at its versions in MLflow at {self.url}."
                ) from error
            raise

    def _create(self, name: str) -> None:
        if not self.client.search_registered_models(f"name = '{name}'"):
            self.client.create_registered_model(name)

    @contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (MlflowException, requests.RequestException) as error:
            reason = str(error).splitlines()[0]
            next_step = AFTER_A_CHANGE if UNAUTHORIZED in reason else "look at `make status`"
            raise ServiceUnreachable(f"Could not {what}: MLflow at {self.url} says {reason!r}; {next_step}.") from error


def _signature(features: int, answer: str) -> ModelSignature:
    row = TensorSpec(np.dtype("float32"), (-1, features), "features")
    return ModelSignature(Schema([row]), Schema([TensorSpec(np.dtype("float32"), (-1,), answer)]))


def _log_file(name: str, content: bytes) -> None:
    """Log bytes as an artifact of the run that is active."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        mlflow.log_artifact(str(path))


def _native(folder: Path, model: str) -> bytes:
    """Return the model's bytes.

    Raises ModelError where they are broken, or where anything but XGBoost's own format or plain
    arrays would have to be run or read.
    """
    try:
        flavours = MlflowModel.load(folder).flavors
        file = _native_file(flavours)
        content = (folder / file).read_bytes() if file else None
    except Exception as error:
        # There is no end to what MLflow raises over files that are not a model's.
        raise ModelError(f"{model} cannot be read ({error!r}), so it is not loaded: register one that can be.") from error
    if content is None:
        raise ModelError(
            f"{model} is not an XGBoost model in {FORMAT} format, nor plain arrays in {array_flavour.FORMAT} format, without "
            f"code of its own (its flavours are {', '.join(sorted(flavours))}), so it is not loaded: register one that can be."
        )
    return content


def _native_file(flavours: dict[str, dict[str, Any]]) -> str | None:
    """Return which file of a model's folder holds it; None where it is of no format that only has
    to be read.
    """
    if flavours == {array_flavour.NAME: array_flavour.DESCRIPTION}:
        return array_flavour.FILE
    return FILE if _harmless(flavours) else None


def _harmless(flavours: dict[str, dict[str, Any]]) -> bool:
    python = flavours.get("python_function", {})
    native = flavours.get("xgboost", {})
    return (
        set(flavours) <= FLAVOURS
        and python.get("loader_module", LOADER) == LOADER
        and not any(flavour.get("code") for flavour in flavours.values())
        and (native.get("model_format"), native.get("data")) == (FORMAT, FILE)
    )
