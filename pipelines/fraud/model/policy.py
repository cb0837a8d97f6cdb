"""What travels inside a fraud model's file beside its trees: calibration, thresholds, costs they
follow from, label delay.
"""

from typing import Self

from pydantic import Field, model_validator

from pipelines.base.costs import Costs, Part


class Calibration(Part):
    """Turns a model's margin into a probability: a logistic curve that rises, so the order of
    payments stays as it was.
    """

    slope: float = Field(gt=0)
    intercept: float


class Thresholds(Part):
    """From which probability a payment is reviewed, and from which it is declined; above 1 means
    never.
    """

    review_at: float = Field(ge=0)
    decline_at: float = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.review_at > self.decline_at:
            raise ValueError(f"review_at {self.review_at} is above decline_at {self.decline_at}")
        return self


class Policy(Part):
    """How a model version decides, and what that rests on: labels older than the delay, payments up
    to `learned_until_us`.
    """

    calibration: Calibration
    thresholds: Thresholds
    costs: Costs
    label_delay_days: int = Field(ge=0)
    learned_until_us: int = Field(ge=0)
