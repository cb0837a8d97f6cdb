"""One thing that happens in the shop, before it is encoded for Kafka."""

from typing import Any, NamedTuple

TOPICS = (
    "shop.orders",
    "shop.payments",
    "shop.clicks",
    "shop.inventory",
    "shop.chargebacks",
    "shop.reviews",
    "shop.exposures",
)


class Event(NamedTuple):
    """A record of one topic; money is integer cents and every timestamp integer UTC microseconds of
    simulated time.

    `record` carries exactly the fields of the newest conf/schemas/<topic>.avsc; `key` is the Kafka
    key.
    """

    topic: str
    key: str
    at: int
    record: dict[str, Any]
