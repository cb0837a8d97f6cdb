"""One row per list of recommended products that a visitor was shown: typed, valid and once each,
refined from shop.exposures.
"""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from pipelines.silver.bounds import WORD, Rules, not_blank, says_something
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="silver.exposures",
    grain="One row per list of recommended products that a visitor was shown.",
    columns=(
        *EVENT,
        Column("session_id", "string", "The visit; the record's key."),
        Column("visitor_id", "string", "The visitor's long-lived cookie."),
        Column("place", "string", "Where the list stood: home, product_page, cart, or another word.", longest=WORD),
        Column(
            "recommendation_id",
            "string",
            "The event_id of the list in tidemark.recommendations, where the list came from there.",
            required=False,
            longest=900,  # "recommendation-" and the click's
        ),
        Column(
            "products",
            "array<string>",
            "The products in the order shown; empty for a visitor who is in the experiment and sees no list.",
        ),
        Column(
            "teams",
            "array<string>",
            "Of each product the variant that put it on the list, where lists were interleaved; else empty or the same word "
            "throughout.",
        ),
        Column("variant", "string", "The variant of the experiment that the visitor is in.", longest=WORD),
        Column("model_version", "string", "Version of the model that made the list, where one did.", required=False),
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="shop.exposures",
    identities=("session_id",),
)

MOST_PRODUCTS = 100


RULES: Rules = {
    "place_not_blank": not_blank("place"),
    "variant_not_blank": not_blank("variant"),
    "products_up_to_100": lambda exposure: F.size(exposure["products"]) <= MOST_PRODUCTS,
    "products_have_ids": lambda exposure: F.forall(exposure["products"], lambda id_: _is_text(id_, Column.longest)),
    "a_team_for_each_product_or_none": lambda exposure: F.size(exposure["teams"]).isin(0, F.size(exposure["products"])),
    "teams_are_words": lambda exposure: F.forall(exposure["teams"], lambda team: _is_text(team, WORD)),
}


def _is_text(text: SparkColumn, longest: int) -> SparkColumn:
    """Return whether a text says something, in so many bytes at most."""
    return says_something(text) & (F.octet_length(text) <= longest)
