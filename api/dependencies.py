"""What the API's routes work with, made once from the settings."""

from dataclasses import dataclass

from fastapi import Request

from api.keys import Keys, keys
from api.metrics import Metrics
from api.payments.service import PaymentService, payment_service
from api.recommendations.service import RecommendationService, recommendation_service
from pipelines.base.settings import Settings
from pipelines.online_store.client import Client


@dataclass(frozen=True)
class Dependencies:
    """The parts of one application: who may ask, what answers about payments and what recommends,
    and what is counted.
    """

    keys: Keys
    client: Client
    payments: PaymentService
    recommendations: RecommendationService
    metrics: Metrics
    max_body_bytes: int

    def start(self) -> None:
        """Follow the published models from now on."""
        self.payments.start()
        self.recommendations.start()

    def close(self) -> None:
        """End the threads and close the connections."""
        self.payments.close()
        self.recommendations.close()
        self.client.close()


def dependencies(settings: Settings) -> Dependencies:
    """Return what the settings describe; raises SettingsError for API keys that will not do."""
    valid, client, metrics = keys(settings.api), Client(settings.valkey), Metrics()
    return Dependencies(
        valid,
        client,
        payment_service(settings, client, metrics),
        recommendation_service(settings, client, metrics),
        metrics,
        settings.api.max_body_bytes,
    )


def dependencies_of(request: Request) -> Dependencies:
    """Return those of the application that a request came to."""
    found: Dependencies = request.app.state.dependencies
    return found
