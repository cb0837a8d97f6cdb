"""Scores one payment as the stream would: the same folds over what the online store knows, the
model in use; and writes nothing.
"""

import time
from datetime import UTC, datetime
from typing import get_args

from api.metrics import Metrics
from api.occasional_log import OccasionalLog
from api.payments.reader import PaymentReader
from api.payments.schema import Payment, Score
from pipelines.base import logs
from pipelines.base.arrays import SECOND_US, Floats, Records
from pipelines.base.placeholders import NoId
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.feature_set import FEATURE_SET
from pipelines.fraud.features.fold import Known, fold, nothing_known
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.model import fraud_model
from pipelines.fraud.model.answers import answers

log = logs.get(__name__)


class AlreadyFolded(Exception):
    """The stream has scored this event before."""


class Scorer:
    """Scores payments with what a reader knows of them; it never writes. `no_id` says of an id
    whether it is none.
    """

    def __init__(self, reader: PaymentReader, metrics: Metrics, no_id: NoId) -> None:
        self.reader, self.metrics, self.no_id = reader, metrics, no_id
        self.occasional = OccasionalLog()
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
        reading = await self.reader.read(Keys([payment.card_id], [payment.device_id], [payment.seller_id]))
        return None if reading is None else reading.known

    def _count_no_number(self, version: str) -> None:
        self.metrics.no_number.inc()
        if self.occasional.is_due("model"):
            log.error("model_gave_no_number", version=version)

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
