"""Payments as a shop sends them to the API: what the stream gets as columns, in JSON."""

import json
from typing import Any

from payment_batches import payments

from api.payments.schema import Payment

KEY = "only-for-tests-of-the-api"
PATH = "/v1/payments/score"


def as_json(payment: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a row of shop.payments that the API takes."""
    fields = {name: value for name, value in payment.items() if name in Payment.model_fields}
    return {**fields, "event_at": payment["event_at"].isoformat(), "amount": str(payment["amount"])}


def a_body(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return payment `number` of payment_batches, with changes to the JSON."""
    return {**as_json(payments(number).to_pylist()[0]), **changes}


def without(name: str) -> bytes:
    """Return a payment that lacks a field."""
    return json.dumps({key: value for key, value in a_body().items() if key != name}).encode()
