"""One row per change of an order, with the whole order inside: typed, valid and once each, refined
from shop.orders.
"""

from functools import reduce
from operator import and_

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from pipelines.silver.bounds import WORD, Rules, not_blank, says_something
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

ITEM = (
    "struct<item_number: int, product_id: string, seller_id: string, category: string, quantity: int,"
    " price: decimal(12,2), freight: decimal(12,2)>"
)

TABLE = Table(
    name="silver.orders",
    grain="One row per change of an order, with the whole order inside.",
    columns=(
        *EVENT,
        Column("order_id", "string", "The order; the record's key."),
        Column("version", "int", "1 for placed, one more for every later change of this order."),
        Column(
            "status",
            "string",
            "placed, approved, invoiced, processing, shipped, delivered, cancelled, unavailable, returned, or another word.",
            longest=WORD,
        ),
        Column("customer_id", "string", "The person who ordered."),
        Column("customer_city", "string", "City of the delivery address."),
        Column("customer_state", "string", "State of the delivery address, two letters."),
        Column("session_id", "string", "The visit that led to the order, where known.", required=False),
        Column("placed_at", "timestamp", "When the order was placed, UTC."),
        Column(
            "estimated_delivery_at",
            "timestamp",
            "Delivery date promised when the order was placed, UTC.",
            required=False,
            may_be_ahead=True,
        ),
        Column("currency", "string", "ISO 4217 code of every amount in this record."),
        Column(
            "items",
            f"array<{ITEM}>",
            "The order's lines: what is sold; with a negative price a discount; with negative pieces what is taken back.",
        ),
        Column("promotion_code", "string", "The promotion that was applied, if any (since schema version 2).", required=False),
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="shop.orders",
    identities=("order_id", "items.product_id", "items.seller_id"),
)

# A delivery without lines is a mistake; Olist knows orders that were given up before any was
# recorded.
NEVER_EMPTY = ("processing", "delivered")
# A thousand lines of a million pieces are still an int, and a minute of nine million such orders a
# decimal(18,2): gold adds them up without looking.
MOST_PIECES, MOST_WORTH, WIDE = 1_000_000, 1_000_000_000, "decimal(38,2)"


RULES: Rules = {
    "status_not_blank": not_blank("status"),
    "version_from_1": lambda order: order["version"] >= 1,
    "has_items": lambda order: (F.size(order["items"]) > 0) | ~order["status"].isin(*NEVER_EMPTY),
    "lines_up_to_1000": lambda order: F.size(order["items"]) <= 1000,
    "lines_have_ids": lambda order: F.forall(order["items"], _has_ids),
    "quantities_up_to_a_million": lambda order: F.forall(order["items"], lambda item: _is_quantity(item["quantity"])),
    "worth_up_to_a_billion": lambda order: _worth(order["items"]) <= MOST_WORTH,
}


def _has_ids(item: SparkColumn) -> SparkColumn:
    """Return whether a line says what was sold and by whom, in texts that can be keys."""
    names = [item[name] for name in ("product_id", "seller_id")]
    return reduce(
        and_, [*(says_something(name) for name in names), *(F.octet_length(name) <= Column.longest for name in names)]
    )


def _is_quantity(quantity: SparkColumn) -> SparkColumn:
    return quantity.between(-MOST_PIECES, MOST_PIECES) & (quantity != 0)


def _worth(items: SparkColumn) -> SparkColumn:
    """Return prices times quantities and freight, added up whatever their sign, in a type that no
    record overflows: no sum on the way to the order's value is larger.
    """
    nothing = F.lit(0).cast(WIDE)
    return F.aggregate(
        items,
        nothing,
        lambda sum_, item: (sum_ + F.abs(item["price"] * item["quantity"]) + F.abs(item["freight"])).cast(WIDE),
    )


def pieces(item: SparkColumn) -> SparkColumn:
    """Return the pieces of a line: those sold, less what is taken back; none of a discount."""
    return F.when((item["price"] < 0) & (item["quantity"] > 0), 0).otherwise(item["quantity"])


def goods_value(items: SparkColumn) -> SparkColumn:
    """Return prices times quantities of an order's lines, added up, as decimal(12,2): discounts and
    what is taken back are taken off.
    """
    nothing = F.lit(0).cast("decimal(12,2)")
    return F.aggregate(items, nothing, lambda sum_, item: (sum_ + item["price"] * item["quantity"]).cast("decimal(12,2)"))
