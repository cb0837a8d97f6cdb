"""Scores one payment as the stream would: the card's state, this payment folded over a copy of it, the published model."""

import math
import time
from datetime import UTC, datetime
from typing import get_args

import numpy as np

from api.card_reader import CardReader
from api.metrics import Metrics
from api.payment import Payment, Score
from pipelines import logs
from pipelines.errors import ServiceUnreachable
from pipelines.features import payment_records
from pipelines.features.card_activity import fold
from pipelines.features.card_records import FEATURE_SET, Records, blank
from pipelines.models import fraud
from pipelines.models.decisions import Policy, decide

FIRST_CARD = np.zeros(1, np.int64)
SECOND_US = 1_000_000
TELL_EVERY_S = 60.0

log = logs.get(__name__)


class AlreadyFolded(Exception):
    """The stream has scored this event before."""


class Scorer:
    """Answers for payments; it never writes."""

    def __init__(self, reader: CardReader, policy: Policy, metrics: Metrics) -> None:
        self.reader, self.policy, self.metrics = reader, policy, metrics
        self.told: dict[str, float] = {}
        for decision in get_args(Score.model_fields["decision"].annotation):
            metrics.decisions.labels(decision)

    async def score(self, payment: Payment, model: fraud.Model) -> Score:
        """Return the payment's score; raises AlreadyFolded where its event is in the card's state already."""
        began = time.perf_counter()
        state = await self._state(payment.card_id)
        features = features_of(payment, blank(1) if state is None else state.copy())
        score = self._scored(payment, state, features, model)
        self.metrics.decisions.labels(score.decision).inc()
        self.metrics.seconds.observe(time.perf_counter() - began)
        return score

    async def _state(self, card: str) -> Records | None:
        """Return what is known of the card; None where the store does not say in time, or has lost what it held."""
        try:
            reading = await self.reader.read(card)
        except ServiceUnreachable as error:
            self._tell("failed", str(error))
        except TimeoutError:
            self._tell("slow", f"no answer within {self.reader.within_s:g} s")
        else:
            if reading.model_version is not None:
                return reading.states
            self._tell("empty", "not even the published model is in it: restart the streams")
        return None

    def _tell(self, store: str, why: str) -> None:
        """Count what the store did, and log it, each kind once in a while, not with each request."""
        self.metrics.degraded.labels(store).inc()
        now = time.monotonic()
        if now - self.told.get(store, -math.inf) >= TELL_EVERY_S:
            self.told[store] = now
            log.warning("scoring_degraded", store=store, why=why)

    def _scored(self, payment: Payment, state: Records | None, features: fraud.Floats, model: fraud.Model) -> Score:
        probability = fraud.predict(model, features).astype(np.float64)
        suspicious = probability[0] >= self.policy.review_at
        return Score(
            payment_id=payment.payment_id,
            probability=probability[0],
            decision=str(decide(probability, self.policy)[0]),
            reasons=fraud.reasons(model, features)[0] if suspicious else [],
            model_name=model.name,
            model_version=model.version,
            feature_set=FEATURE_SET,
            feature_age_s=None if state is None else age_s(state),
            degraded=state is None,
            scored_at=datetime.now(UTC),
        )


def features_of(payment: Payment, state: Records) -> fraud.Floats:
    """Fold one payment over `state` (1, changed in place) and return its features (1, len(FEATURES))."""
    features, repeated = fold(state, FIRST_CARD, payment_records.record(dict(payment)))
    if repeated[0]:
        raise AlreadyFolded
    return features


def age_s(state: Records) -> float | None:
    """Return the seconds since the newest payment in a state (1); None for a card that has never paid."""
    last_us = int(state["last_us"][0])
    return max(0.0, time.time() - last_us / SECOND_US) if last_us else None
