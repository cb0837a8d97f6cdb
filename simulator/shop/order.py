"""An order under way, as plain data that the snapshot can hold."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Order:
    """Latest record, what is still to be paid, and which stock it holds.

    `payment` is the part of the payment record that all attempts share; `declined` the odds that an
    attempt is declined; `campaign` names the fraud behind the order, if there is one; `pieces`
    pairs product numbers with pieces taken.
    """

    record: dict[str, Any]
    payment: dict[str, Any]
    pieces: list[list[int]]
    same_state: bool
    declined: float
    campaign: str | None
    attempts: int = 0
