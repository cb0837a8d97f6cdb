"""One row per action of a visitor on a product: typed, valid and once each, refined from
shop.clicks.
"""

from pyspark.sql import Column as SparkColumn

from pipelines.silver.bounds import WORD, Rules, not_blank
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="silver.clicks",
    grain="One row per action of a visitor on a product.",
    columns=(
        *EVENT,
        Column("session_id", "string", "The visit; the record's key."),
        Column("visitor_id", "string", "The visitor's long-lived cookie."),
        Column("customer_id", "string", "The customer, once logged in.", required=False),
        Column("position", "int", "1 for the first event of a session, one more for every later one."),
        Column("action", "string", "view, add_to_cart, remove_from_cart, purchase, or another word.", longest=WORD),
        Column("product_id", "string", "The product looked at, added, removed or bought."),
        Column("quantity", "int", "Pieces concerned; 1 for a view, 0 where it is about none."),
        Column("price", "decimal(12,2)", "Price of one piece as shown."),
        Column("currency", "string", "ISO 4217 code of every amount in this record."),
        Column("channel", "string", "web or app."),
        Column("device_id", "string", "Fingerprint of the visitor's device."),
        Column("country", "string", "ISO 3166 two-letter country of the visitor's address."),
        Column(
            "exposure_id",
            "string",
            "The event_id of the list in shop.exposures that was clicked, where the click came from one.",
            required=False,
        ),
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="shop.clicks",
    identities=("session_id", "product_id"),
)


RULES: Rules = {
    "action_not_blank": not_blank("action"),
    "position_from_1": lambda click: click["position"] >= 1,
    "quantity_0_to_a_million": lambda click: click["quantity"].between(0, 1_000_000),
    "price_not_negative": lambda click: click["price"] >= 0,
}

NO_VIEWS = ("add_to_cart", "remove_from_cart", "purchase")


def is_view(action: SparkColumn) -> SparkColumn:
    """Return whether an action is a look at a product: so is every word but those that change the
    cart or buy.
    """
    return ~action.isin(*NO_VIEWS)
