"""What was fitted to Olist (simulator/fit_olist.py), typed: shares, quantiles and factors, never
rows.
"""

import json
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FITTED = Path(__file__).parents[1] / "fitted" / "olist.json"


class Fitted(BaseModel):
    """A group of fitted figures that refuses unknown names and later changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Category(Fitted):
    """Share of lines sold and of products, and price quantiles in cents."""

    name: str
    share: float
    products: float
    prices: list[float]


class Place(Fitted):
    """A city: its customers and sellers as weights, and where it lies."""

    city: str
    state: str
    customers: int
    sellers: int
    latitude: float
    longitude: float


class OrderFigures(Fitted):
    """Shares of 1, 2, … lines and pieces, how orders end badly, what the busiest tenths sell."""

    lines: list[float]
    pieces: list[float]
    cancelled: float
    unavailable: float
    product_top_tenth: float
    seller_top_tenth: float


class ByDistance(Fitted):
    """Quantiles inside a state and across states."""

    same_state: list[float]
    other_state: list[float]

    def where(self, same: bool) -> list[float]:
        """Return the quantiles that hold for seller and buyer in the same state, or not."""
        return self.same_state if same else self.other_state


class PaymentFigures(Fitted):
    """Mix of methods; shares of 1, 2, … installments per band of amounts in cents."""

    methods: dict[str, float]
    installment_bands: list[int]
    installments: list[list[float]]


class Delays(Fitted):
    """Quantiles in days."""

    approval: dict[str, list[float]]
    carrier: list[float]
    transport: ByDistance
    promise: ByDistance


class ReviewFigures(Fitted):
    """Shares of scores 1 to 5 per band of lateness in days, delay in days, shares with title and
    text.
    """

    lateness: list[float]
    scores: list[list[float]]
    delay: list[float]
    titled: float
    commented: float


class Statistics(Fitted):
    """Everything fitted."""

    source: str
    categories: list[Category]
    places: list[Place]
    week: list[float]
    black_friday: list[float]
    christmas: list[float]
    orders: OrderFigures
    freight: ByDistance
    payments: PaymentFigures
    delays: Delays
    reviews: ReviewFigures


@cache
def statistics() -> Statistics:
    """Return the statistics that come with the package."""
    return Statistics.model_validate(json.loads(FITTED.read_text("utf-8")))
