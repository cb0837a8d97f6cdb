"""What the API takes and gives of recommendations: a session that a shop keeps itself, and a list
of products.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.fields import MOST_CHARACTERS, Count, Id, Moment, Text

MOST_PRODUCTS, MOST_ITEMS = 50, 200

Fallback = Literal["session", "co_occurrence", "trending_in_category", "trending"]
HOW_MANY = "How many products at most."
Name = Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS)]


class OfSession(BaseModel):
    """Which session a list is wished for, in a path and a query."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    session_id: Name
    n: Count = Field(10, ge=1, le=MOST_PRODUCTS, description=HOW_MANY)
    visitor_id: Id | None = Field(None, description="Who sees the list, where experiments are to count.")


class OfProduct(BaseModel):
    """Which product a list is wished for, in a path and a query."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product_id: Name
    n: Count = Field(10, ge=1, le=MOST_PRODUCTS, description=HOW_MANY)


class Item(BaseModel):
    """Something that a visitor did with a product."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    product_id: Text
    action: Text = Field("view", description="view, add_to_cart, remove_from_cart, purchase; any other word is a view.")
    at: Moment | None = Field(
        None,
        description="When, with its offset from UTC; without it, when the item before was.",
    )


class Session(BaseModel):
    """A visitor's session as the shop keeps it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    items: list[Item] = Field(max_length=MOST_ITEMS, description="What the visitor did, oldest first; may be empty.")
    cart: list[Text] | None = Field(
        None, max_length=MOST_ITEMS, description="Products in the cart; without it, what the items' actions leave in it."
    )
    visitor_id: Text | None = Field(None, description="Who sees the list, where experiments are to count.")
    n: Count = Field(10, ge=1, le=MOST_PRODUCTS, description=HOW_MANY)


class Product(BaseModel):
    """A product on a list, and why it is there."""

    product_id: str
    score: float = Field(description="Higher is better; comparable within one list only.")
    reason: str = Field(description='In words, such as "seen together with" another product.')


class Recommendations(BaseModel):
    """A list of products, best first, by which model and from how much knowledge; it may be shorter
    than wished, or empty, where no more products may be shown.
    """

    model_config = ConfigDict(ser_json_inf_nan="null")

    products: list[Product]
    fallback: Fallback = Field(description="What the list, or most of it, is from: the first of these that gave anything.")
    variant: str | None = Field(description="Of the experiment; null where the list is not part of it.")
    left_out: dict[str, int] = Field(description="How many products each rule has left out.")
    model_name: str
    model_version: str
    session_age_s: float | None = Field(description="Seconds since the session's newest click; null where none is known.")
    index_age_s: float = Field(description="Seconds since the model's index was built.")
    degraded: bool = Field(
        description="True where the online store could not be read: without the session, or with the stock as last known."
    )
    recommended_at: datetime
