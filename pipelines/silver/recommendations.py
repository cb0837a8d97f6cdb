"""One row per list recommended after a click: typed, valid and once each, refined from
tidemark.recommendations.

Fallbacks and variants are words, and may become others.
"""

from dataclasses import replace

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from pipelines.silver.bounds import WORD, Rules, not_blank
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

LONGEST = 100  # products of a list

TABLE = Table(
    name="silver.recommendations",
    grain="One row per list recommended after a click.",
    columns=(
        replace(EVENT[0], longest=900),  # "recommendation-" and the click's
        EVENT[1],
        Column("session_id", "string", "The visit; the record's key."),
        Column("visitor_id", "string", "The visitor's long-lived cookie."),
        Column("products", "array<string>", "What is recommended, best first; empty where the variant shows nothing."),
        Column("scores", "array<float>", "How sure the model is of each product: shares from 0 to 1 that never rise."),
        Column("reasons", "array<string>", "Why each product is on the list, in words."),
        Column("teams", "array<string>", "Which variant has put each product on the list: session or popular."),
        Column(
            "fallback",
            "string",
            "How the first product was found: session, co_occurrence, trending_in_category or trending.",
            longest=WORD,
        ),
        Column(
            "variant",
            "string",
            "What the visitor sees in the experiment: session, popular, interleaved or none.",
            longest=WORD,
        ),
        Column(
            "left_out",
            "array<int>",
            "How many products each rule has left out: bought or in the cart, out of stock, not sold, seller's share.",
        ),
        Column("clicks", "bigint", "Clicks of the session so far, this one included."),
        Column("unknown_products", "int", "Clicks that the session remembers on products that the model does not know."),
        Column("late", "boolean", "Whether a later click of the session came before."),
        Column("model_name", "string", "Registered model that recommends."),
        Column("model_version", "string", "Its version in the registry; null where none was published yet.", required=False),
        Column("model_built_at", "timestamp", "When the model was built, UTC.", required=False),
        Column(
            "degraded",
            "boolean",
            "True when the online store failed, so that the list is made of this click alone or the next ones lack it, and "
            "when there was no model yet, so that it is empty.",
        ),
        Column("recommended_at", "timestamp", "When the list was made, UTC."),
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="tidemark.recommendations",
    identities=("session_id",),
)


def _one_per_product(recommendation: SparkColumn) -> SparkColumn:
    size = F.size(recommendation["products"])
    sizes = [F.size(recommendation[name]) == size for name in ("scores", "reasons", "teams")]
    return sizes[0] & sizes[1] & sizes[2]


RULES: Rules = {
    "fallback_not_blank": not_blank("fallback"),
    "variant_not_blank": not_blank("variant"),
    "products_up_to_100": lambda recommendation: F.size(recommendation["products"]) <= LONGEST,
    "one_score_reason_and_team_per_product": _one_per_product,
    "left_out_up_to_100": lambda recommendation: F.size(recommendation["left_out"]) <= LONGEST,
    "clicks_from_1": lambda recommendation: recommendation["clicks"] >= 1,
    "unknown_products_not_negative": lambda recommendation: recommendation["unknown_products"] >= 0,
}
