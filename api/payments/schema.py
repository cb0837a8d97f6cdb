"""What the API takes and gives of payments: one as in the contract of shop.payments, and its
score.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from api.fields import Count, Id, Moment, Text

AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
REFUND = re.compile(r"-" + AMOUNT.pattern)


def _money(text: object) -> Decimal:
    # As a text, because most clients make a float of a number in JSON, and a float is not what they
    # were given.
    if isinstance(text, str) and REFUND.fullmatch(text):
        raise ValueError("is below zero: a refund is not scored, so send it to shop.payments only")
    if not isinstance(text, str) or not AMOUNT.fullmatch(text):
        raise ValueError('should be a text such as "1240.50", with at most two decimals')
    return Decimal(text)


Money = Annotated[Decimal, BeforeValidator(_money), WithJsonSchema({"type": "string", "pattern": f"^{AMOUNT.pattern}$"})]


class Payment(BaseModel):
    """One payment attempt: fields, names and units are those of shop.payments, as far as scoring
    looks at them.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    event_id: Text = Field(description="Unique id of the event with which the payment will go to shop.payments.")
    event_at: Moment = Field(description="When it happens, with its offset from UTC.")
    payment_id: Text = Field(description="The payment attempt.")
    card_id: Text = Field(description="Token of the card or account that pays.")
    customer_id: Id = Field(description="The person who pays.")
    seller_id: Id = Field(description="Seller of the order's dearest line.")
    method: Text = Field(description="credit_card, debit_card, boleto, voucher, or whatever else the shop takes.")
    installments: Count = Field(ge=0, le=1000, description="Number of monthly installments.")
    attempt_number: Count = Field(ge=1, le=1000, description="1 for the first attempt to pay this order, one more each time.")
    amount: Money = Field(description="Amount asked for.")
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217 code.")
    channel: Text = Field(description="web, app, or whatever else the shop has.")
    device_id: Id = Field(description="Fingerprint of the paying device.")
    country: Text = Field(description="Country of the paying device's address: ISO 3166, or what is known instead of it.")
    latitude: float | None = Field(None, ge=-90, le=90, description="Of the paying device's address, degrees.")
    longitude: float | None = Field(None, ge=-180, le=180, description="Of the paying device's address, degrees.")
    three_d_secure: bool | None = Field(None, description="Whether the card holder was authenticated with 3-D Secure.")


class Score(BaseModel):
    """What is thought of a payment, by which model, from how much knowledge."""

    payment_id: str
    probability: float = Field(ge=0, le=1, description="Probability of fraud.")
    decision: Literal["approve", "review", "decline"]
    reasons: list[str] = Field(description="What raised the probability most, largest first; empty for approve.")
    model_name: str
    model_version: str
    feature_set: str = Field(description="Version of the feature definition.")
    feature_age_s: float | None = Field(description="Seconds since the card's last payment that is known; null where none is.")
    degraded: bool = Field(description="True where the card's state could not be read: scored from what the payment says.")
    scored_at: datetime
