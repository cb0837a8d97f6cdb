"""One row per payment attempt or refund: typed, valid and once each, refined from shop.payments.

Methods, channels and countries are words of the shop, and may be others than the contract names. A
refund's amount is below zero.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver.bounds import Rules, not_blank
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="silver.payments",
    grain="One row per payment attempt or refund.",
    columns=(
        *EVENT,
        Column("payment_id", "string", "The payment attempt."),
        Column("order_id", "string", "The order it pays, where there is one.", required=False),
        Column("card_id", "string", "Token of the card or account that pays; the record's key."),
        Column("customer_id", "string", "The person who pays.", may_be_blank=True),
        Column("seller_id", "string", "Seller of the order's dearest line.", may_be_blank=True),
        Column("method", "string", "credit_card, debit_card, boleto or voucher."),
        Column("installments", "int", "Number of monthly installments, at least 1."),
        Column("attempt_number", "int", "1 for the first attempt to pay this order, one more for each retry."),
        Column("amount", "decimal(12,2)", "Amount asked for."),
        Column("currency", "string", "ISO 4217 code of every amount in this record."),
        Column("channel", "string", "web or app."),
        Column("device_id", "string", "Fingerprint of the paying device.", may_be_blank=True),
        Column("country", "string", "ISO 3166 two-letter country of the paying device's address."),
        Column("latitude", "double", "Latitude of the paying device's address, degrees.", required=False),
        Column("longitude", "double", "Longitude of the paying device's address, degrees.", required=False),
        Column(
            "three_d_secure",
            "boolean",
            "Whether the card holder was authenticated with 3-D Secure (since schema version 2).",
            required=False,
        ),
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="shop.payments",
    identities=("payment_id",),
    keyed_by="card_id",
)

RULES: Rules = {
    "method_not_blank": not_blank("method"),
    "installments_not_negative": lambda payment: payment["installments"] >= 0,
    "attempt_from_1": lambda payment: payment["attempt_number"] >= 1,
    "on_earth": lambda payment: (
        F.coalesce(payment["latitude"].between(-90, 90), F.lit(True))
        & F.coalesce(payment["longitude"].between(-180, 180), F.lit(True))
    ),
}


def purchases(payments: DataFrame) -> DataFrame:
    """Return the payments without refunds: what is scored, and what features and models are made
    of.
    """
    return payments.filter(F.col("amount") >= 0)
