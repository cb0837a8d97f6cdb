"""The fraud model of the settings: the watch that brings its champion to the workers, and whether a
champion of today's features is there.
"""

from functools import cache
from typing import Protocol

from pipelines.base import shutdown
from pipelines.base.settings import settings
from pipelines.fraud.features.feature_set import FEATURE_SET
from pipelines.fraud.model import fraud_model
from pipelines.models.published import PublishedModels
from pipelines.models.publishing import ChampionWatch
from pipelines.online_store.client import Client


class Registry(Protocol):
    """Where versions are registered with their feature sets."""

    def champion_version(self, name: str) -> str | None:
        """Return the champion's version, None where there is none."""

    def feature_set(self, name: str, version: str) -> str | None:
        """Return the feature set of a version, None where it has none."""


@cache
def champion_watch() -> ChampionWatch:
    """Return this process's watch over the champion of the settings."""
    # Here, because MLflow takes seconds to import.
    from pipelines.models.registry import ModelRegistry

    fraud = settings().fraud
    registry, published = ModelRegistry(settings().mlflow), PublishedModels(Client(settings().valkey))
    return ChampionWatch(registry, published, fraud.model_name, fraud_model.load, fraud.champion_poll_s, shutdown.requested)


def champion_of_todays_features(registry: Registry, name: str) -> str | None:
    """Return the version of the champion, None where there is none or it takes other features than
    this code makes.
    """
    version = registry.champion_version(name)
    return version if version and registry.feature_set(name, version) == FEATURE_SET else None
