"""What scores payments: the model in use, what reads states, and the scorer, made from the
settings.
"""

from dataclasses import dataclass

from api.metrics import Metrics
from api.payments.reader import PaymentReader, payment_reader
from api.payments.scorer import Scorer
from pipelines.base.settings import Settings
from pipelines.fraud.features import fold
from pipelines.fraud.model import fraud_model
from pipelines.fraud.store import FraudStore
from pipelines.models.serving import ServedModel
from pipelines.online_store.client import Client


@dataclass(frozen=True)
class PaymentService:
    """The parts that score payments."""

    served: ServedModel[fraud_model.Model]
    reader: PaymentReader
    scorer: Scorer

    def start(self) -> None:
        """Follow the published model from now on."""
        fold.warm_up()
        self.served.start()

    def close(self) -> None:
        """End the threads."""
        self.served.stop()
        self.reader.close()


def payment_service(settings: Settings, client: Client, metrics: Metrics) -> PaymentService:
    """Return what the settings describe."""
    store, name = FraudStore(client), settings.fraud.model_name
    reader = payment_reader(lambda wanted: store.peek(wanted, name), settings.api.store_within_ms / 1000, metrics.degraded)
    served = ServedModel(store.models, name, fraud_model.load, "make train")
    return PaymentService(served, reader, Scorer(reader, metrics, settings.ids.none))
