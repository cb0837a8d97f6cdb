"""What travels inside a fraud model's file beside its trees: calibration, thresholds, costs they follow from, label delay."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Part(BaseModel):
    """A group of numbers, all finite, that refuses unknown names and later changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Costs(Part):
    """What decisions cost a shop, in the currency of its payments, and how much reviewing its people get done."""

    false_decline_share: float = Field(ge=0)  # what declining an honest payment loses, as a share of its amount
    chargeback_fee: float = Field(ge=0)  # on top of the amount, for a fraud that is let through
    review: float = Field(ge=0)  # one payment looked at by a person
    caught_by_review: float = Field(ge=0, le=1)  # share of the frauds under review that are found
    reviews_per_day: float = Field(ge=0)


class Calibration(Part):
    """Turns a model's margin into a probability: a logistic curve that rises, so the order of payments stays as it was."""

    slope: float = Field(gt=0)
    intercept: float


class Thresholds(Part):
    """From which probability a payment is reviewed, and from which it is declined; above 1 means never."""

    review_at: float = Field(ge=0)
    decline_at: float = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.review_at > self.decline_at:
            raise ValueError(f"review_at {self.review_at} is above decline_at {self.decline_at}")
        return self


class Policy(Part):
    """How a model version decides, and what that rests on: labels older than the delay, payments up to `learned_until_us`."""

    calibration: Calibration
    thresholds: Thresholds
    costs: Costs
    label_delay_days: int = Field(ge=0)
    learned_until_us: int = Field(ge=0)
