"""The recommender of the settings: the watch that brings its champion to workers and API."""

from functools import cache

from pipelines.base import shutdown
from pipelines.base.settings import settings
from pipelines.models.published import PublishedModels
from pipelines.models.publishing import ChampionWatch
from pipelines.online_store.client import Client
from pipelines.recommendations.model import recommender


@cache
def champion_watch() -> ChampionWatch:
    """Return this process's watch over the champion of the settings."""
    # Here, because MLflow takes seconds to import.
    from pipelines.models.registry import ModelRegistry

    chosen = settings().recommendations
    registry, published = ModelRegistry(settings().mlflow), PublishedModels(Client(settings().valkey))
    return ChampionWatch(registry, published, chosen.model_name, recommender.load, chosen.poll_s, shutdown.requested)
