"""Scores one payment as the stream would: the same folds over what the online store knows, the
model in use; and writes nothing.
"""

import math
import time
from datetime import UTC, datetime
from typing import get_args

from api.metrics import Metrics
from api.payments.reader import StateReader
from api.payments.schema import Payment, Score
from pipelines.base import logs
from pipelines.base.arrays import SECOND_US, Floats, Records
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.placeholders import NoId
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.feature_set import FEATURE_SET
from pipelines.fraud.features.fold import Known, fold, nothing_known
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.model import fraud_model
from pipelines.fraud.model.answers import answers

LOG_EVERY_S = 60.0

log = logs.get(__name__)


class AlreadyFolded(Exception):
    """The stream has scored this event before."""


class Scorer:
    """Scores payments with what a reader knows of them; it never writes. `no_id` says of an id
    whether it is none.
    """

    def __init__(self, reader: StateReader, metrics: Metrics, no_id: NoId) -> None:
        self.reader, self.metrics, self.no_id = reader, metrics, no_id
        self.logged_at: dict[str, float] = {}
        for decision in get_args(Score.model_fields["decision"].annotation):
            metrics.decisions.labels(decision)

    async def score(self, payment: Payment, model: fraud_model.Model) -> Score:
        """Return the payment's score; raises AlreadyFolded where its event is in the card's state
        already.
        """
        began = time.perf_counter()
        known = await self._known(payment)
        score = self._scored(payment, known, features_of(payment, known, self.no_id), model)
        self.metrics.decisions.labels(score.decision).inc()
        self.metrics.seconds.observe(time.perf_counter() - began)
        return score

    async def _known(self, payment: Payment) -> Known | None:
        """Return what is known of card, device and seller; None where the store is late, or has
        lost what it held.
        """
        try:
            reading = await self.reader.read(Keys([payment.card_id], [payment.device_id], [payment.seller_id]))
        except ServiceUnreachable as error:
            self._count_degraded("failed", str(error))
        except TimeoutError:
            self._count_degraded("slow", f"no answer within {self.reader.within_s:g} s")
        else:
            if reading.model_version is not None:
                return reading.known
            self._count_degraded("empty", "not even the published model is in it: the streams publish it again")
        return None

    def _count_degraded(self, store: str, why: str) -> None:
        """Count what the store did, and log it, each kind once in a while, not with each
        request.
        """
        self.metrics.degraded.labels(store).inc()
        if self._is_to_be_logged(store):
            log.warning("scoring_degraded", store=store, why=why)

    def _count_no_number(self, version: str) -> None:
        self.metrics.no_number.inc()
        if self._is_to_be_logged("model"):
            log.error("model_gave_no_number", version=version)

    def _is_to_be_logged(self, kind: str) -> bool:
        """Return whether this kind has not been logged for a while, and note that it is."""
        now = time.monotonic()
        is_due = now - self.logged_at.get(kind, -math.inf) >= LOG_EVERY_S
        if is_due:
            self.logged_at[kind] = now
        return is_due

    def _scored(self, payment: Payment, known: Known | None, features: Floats, model: fraud_model.Model) -> Score:
        given = answers(model, features)
        if not given.is_number[0]:
            self._count_no_number(model.version)
        return Score(
            payment_id=payment.payment_id,
            probability=given.probability[0],
            decision=str(given.decision[0]),
            reasons=given.reasons[0],
            model_name=model.name,
            model_version=model.version,
            feature_set=FEATURE_SET,
            feature_age_s=None if known is None else age_s(known.states.cards),
            degraded=known is None or not given.is_number[0],
            scored_at=datetime.now(UTC),
        )


def features_of(payment: Payment, known: Known | None, no_id: NoId) -> Floats:
    """Return the features (1, len(FEATURES)) of a payment with what is `known` of its card, device
    and seller (1 each), None where nothing could be read.

    Raises AlreadyFolded where the card has folded the payment's event.
    """
    keys, payments = payment_records.keyed_one(dict(payment), no_id)
    features, _, repeated = fold(nothing_known(keys) if known is None else known, payments)
    if repeated[0]:
        raise AlreadyFolded
    return features


def age_s(state: Records) -> float | None:
    """Return the seconds since the newest payment in a card's state (1); None for a card that has
    never paid.
    """
    last_us = int(state["last_us"][0])
    return max(0.0, time.time() - last_us / SECOND_US) if last_us else None
