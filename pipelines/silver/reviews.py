"""One row per review of an order: typed, valid and once each, refined from shop.reviews."""

from pipelines.silver.bounds import Rules
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="silver.reviews",
    grain="One row per review of an order.",
    columns=(
        *EVENT,
        Column("review_id", "string", "The review."),
        Column("order_id", "string", "The order reviewed; the record's key."),
        Column("score", "int", "1 (bad) to 5 (good)."),
        Column("title", "string", "Headline, if the customer wrote one.", required=False, longest=20_000),
        Column("comment", "string", "Text, if the customer wrote one.", required=False, longest=80_000),
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="shop.reviews",
    identities=("order_id",),
)


RULES: Rules = {
    "score_1_to_5": lambda review: review["score"].between(1, 5),
}
