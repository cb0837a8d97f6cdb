"""A visit under way, as plain data that the snapshot can hold."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Visit:
    """One session of one visitor.

    `session_id` is None for visitors who refuse to be tracked: nothing is known of their clicks.
    `plan` holds the steps still to take, `cart` product numbers with pieces, `product` the number
    of the one looked at (-1 for none). `taste` is the place on the price range of a category, 0 to
    1, that is sought among `care` candidates; a `seller` given by number is the only one bought
    from; `returning` visitors come back another time to buy. `payer` is set when somebody else than
    `person` pays: a fraud. `shown` is the list that was shown last, `exposure_id` the event that
    told of it, `followed` the number of the product on it that was clicked (-1 for none).
    """

    person: int
    session_id: str | None
    visitor_id: str
    customer_id: str | None
    device_id: str
    channel: str
    country: str
    plan: list[str]
    taste: float
    care: int = 2
    seller: int | None = None
    payer: dict[str, Any] | None = None
    returning: bool = False
    position: int = 0
    product: int = -1
    detours: int = 0
    shown: str | None = None
    exposure_id: str | None = None
    followed: int = -1
    cart: list[list[int]] = field(default_factory=list)
