"""One row per finding of the bank about a payment: typed, valid and once each, refined from
shop.chargebacks.
"""

from pipelines.silver.bounds import Rules
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="silver.chargebacks",
    grain="One row per finding of the bank about a payment.",
    columns=(
        *EVENT,
        Column("payment_id", "string", "The payment concerned; the record's key."),
        Column("card_id", "string", "Token of the card that paid."),
        Column("fraud", "boolean", "True when the bank calls the payment fraud, false when a dispute was cleared."),
        Column("reason", "string", "card_testing, stolen_card, compromised_seller, account_takeover, or dispute_cleared."),
        Column("amount", "decimal(12,2)", "Amount charged back; 0 for a cleared dispute."),
        Column("currency", "string", "ISO 4217 code of every amount in this record."),
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="shop.chargebacks",
    identities=("payment_id",),
)


RULES: Rules = {
    "amount_not_negative": lambda chargeback: chargeback["amount"] >= 0,
}
