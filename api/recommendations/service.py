"""What recommends products: the model in use, the stock, what reads sessions, and the recommender,
made from the settings.
"""

from dataclasses import dataclass

from api.metrics import Metrics
from api.recommendations.lists import ListBatcher, list_batcher
from api.recommendations.reader import SessionReader, session_reader
from api.recommendations.recommender import Recommender
from api.recommendations.stock import Stock
from pipelines.base.settings import Settings
from pipelines.models.serving import ServedModel
from pipelines.online_store.client import Client
from pipelines.recommendations import experiment
from pipelines.recommendations.features import session
from pipelines.recommendations.model import recommender, recommending
from pipelines.recommendations.model.lists import Rules
from pipelines.recommendations.store import RecommendationStore


@dataclass(frozen=True)
class RecommendationService:
    """The parts that recommend products."""

    served: ServedModel[recommender.Model]
    stock: Stock
    reader: SessionReader
    lists: ListBatcher
    recommender: Recommender

    def start(self) -> None:
        """Follow the published model and the stock from now on."""
        for warmed in (session, recommending, experiment):
            warmed.warm_up()
        self.served.start()
        self.stock.start()

    def close(self) -> None:
        """End the threads."""
        self.served.stop()
        self.stock.stop()
        self.reader.close()
        self.lists.close()


def recommendation_service(settings: Settings, client: Client, metrics: Metrics) -> RecommendationService:
    """Return what the settings describe."""
    own = settings.recommendations
    store = RecommendationStore(client, own.kept_s)
    stock, repeated = Stock(store), frozenset(own.repeat_categories)

    def rules() -> Rules:
        return Rules(own.most_of_a_seller, repeated, stock.unavailable)

    def variant_of(visitor_id: str) -> int:
        return int(experiment.assignment([visitor_id], own.variants, own.experiment)[0])

    within_s = settings.api.store_within_ms / 1000
    reader = session_reader(lambda ids: store.peek(ids, own.model_name), rules, within_s, metrics.recommendations_degraded)
    lists = list_batcher(rules)
    served = ServedModel(store.models, own.model_name, recommender.load, "make index")
    return RecommendationService(served, stock, reader, lists, Recommender(reader, lists, stock, variant_of, metrics))
