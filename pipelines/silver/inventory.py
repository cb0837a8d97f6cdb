"""One row per movement of stock: typed, valid and once each, refined from shop.inventory."""

from pipelines.silver.bounds import WORD, Rules, not_blank
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="silver.inventory",
    grain="One row per movement of stock.",
    columns=(
        *EVENT,
        Column("product_id", "string", "The product whose stock moves; the record's key."),
        Column("seller_id", "string", "The seller who holds the stock."),
        Column("kind", "string", "sale, restock, return, correction, transfer, or another word.", longest=WORD),
        Column("quantity", "int", "Pieces: negative when stock leaves, positive when it comes in."),
        Column("order_id", "string", "The order behind a sale or a return.", required=False),
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="shop.inventory",
    identities=("product_id",),
)


RULES: Rules = {
    "kind_not_blank": not_blank("kind"),
    "quantity_within_a_million": lambda movement: movement["quantity"].between(-1_000_000, 1_000_000),
    "sales_leave": lambda movement: (movement["kind"] != "sale") | (movement["quantity"] < 0),
    "restocks_and_returns_come": lambda movement: ~movement["kind"].isin("restock", "return") | (movement["quantity"] > 0),
}
