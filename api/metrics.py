"""What the API counts, for Prometheus."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from pipelines.models.serving import Model

BUCKETS_S = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """The counters of one application; labels are never a card's, a customer's or a key's."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.answers = Counter("tidemark_api_answers", "Answers, by HTTP status.", ["status"], registry=self.registry)
        self.decisions = Counter("tidemark_api_decisions", "Scores, by decision.", ["decision"], registry=self.registry)
        self.degraded = Counter(
            "tidemark_api_degraded",
            "Scores without the card's state, by what the store was.",
            ["store"],
            registry=self.registry,
        )
        self.no_number = Counter(
            "tidemark_api_no_number", "Scores for which the model gave no number: reviewed.", registry=self.registry
        )
        self.seconds = Histogram(
            "tidemark_api_score_seconds", "Time from a whole payment to its score.", buckets=BUCKETS_S, registry=self.registry
        )
        self.recommendations = Counter(
            "tidemark_api_recommendations",
            "Lists of products, by what they are for and what they are from.",
            ["kind", "fallback"],
            registry=self.registry,
        )
        self.recommendations_degraded = Counter(
            "tidemark_api_recommendations_degraded",
            "Lists without the session's state, by what the store was.",
            ["store"],
            registry=self.registry,
        )
        self.unknown_products = Counter(
            "tidemark_api_unknown_products", "Products in requests that the model does not know.", registry=self.registry
        )
        self.recommendation_seconds = Histogram(
            "tidemark_api_recommendation_seconds",
            "Time from a whole request to its list.",
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.model = Gauge(
            "tidemark_api_model", "1 for each model in use, by name and version.", ["name", "version"], registry=self.registry
        )

    def text(self, models: Iterable[Model | None]) -> bytes:
        """Return every figure, and which models are in use, in Prometheus' text format."""
        self.model.clear()
        for model in models:
            if model:
                self.model.labels(model.name, model.version).set(1)
        return generate_latest(self.registry)
