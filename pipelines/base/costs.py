"""What decisions about payments cost a shop: a setting, and a part of every model that decides by
it.
"""

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A group of numbers, all finite, that refuses unknown names and later changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Costs(Part):
    """What decisions cost a shop, in the currency of its payments, and how much reviewing its
    people get done.
    """

    # What declining an honest payment loses, as a share of its amount.
    false_decline_share: float = Field(ge=0)
    chargeback_fee: float = Field(ge=0)  # on top of the amount, for a fraud that is let through
    review: float = Field(ge=0)  # one payment looked at by a person
    caught_by_review: float = Field(ge=0, le=1)  # share of the frauds under review that are found
    reviews_per_day: float = Field(ge=0)
