"""What the API's routes work with, made once from the settings."""

from dataclasses import dataclass

from fastapi import Request

from api.keys import Keys, keys
from api.metrics import Metrics
from api.payments.reader import StateReader
from api.payments.scorer import Scorer
from pipelines.base.settings import Settings
from pipelines.fraud.model import fraud_model
from pipelines.fraud.store import FraudStore
from pipelines.models.serving import ServedModel
from pipelines.online_store.client import Client


@dataclass(frozen=True)
class Dependencies:
    """The parts of one application: who may ask, the model in use, what reads states and scores
    with them, and what is counted.
    """

    keys: Keys
    client: Client
    served: ServedModel[fraud_model.Model]
    reader: StateReader
    scorer: Scorer
    metrics: Metrics
    max_body_bytes: int

    def start(self) -> None:
        """Follow the published model from now on."""
        self.served.start()

    def close(self) -> None:
        """End the threads and close the connections."""
        self.served.stop()
        self.reader.close()
        self.client.close()


def dependencies(settings: Settings) -> Dependencies:
    """Return what the settings describe; raises SettingsError for API keys that will not do."""
    valid, name = keys(settings.api), settings.fraud.model_name
    client, metrics = Client(settings.valkey), Metrics()
    store = FraudStore(client)
    reader = StateReader(lambda wanted: store.peek(wanted, name), settings.api.store_within_ms / 1000)
    scorer = Scorer(reader, metrics, settings.ids.none)
    served = ServedModel(store.models, name, fraud_model.load)
    return Dependencies(valid, client, served, reader, scorer, metrics, settings.api.max_body_bytes)


def dependencies_of(request: Request) -> Dependencies:
    """Return those of the application that a request came to."""
    found: Dependencies = request.app.state.dependencies
    return found
