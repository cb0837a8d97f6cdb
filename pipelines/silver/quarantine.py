"""One row per record that silver refuses, with the reason and the bytes: the other half of
`refine`, over bronze.
"""

from collections.abc import Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.contracts.avro import Contract, decode, schema_id
from pipelines.silver import chargebacks, clicks, fraud_scores, inventory, orders, payments, reviews
from pipelines.silver.refining import Rules, refusal
from pipelines.table import Column, Table

TABLE = Table(
    name="silver.quarantine",
    grain="One row per record of an input topic that was refused.",
    columns=(
        Column("topic", "string", "Topic the record came from."),
        Column("partition", "int", "Partition of the topic."),
        Column("offset", "bigint", "Offset in the partition."),
        Column("timestamp", "timestamp", "When the broker appended the record, UTC."),
        Column("schema_id", "bigint", "Schema id in the record's header, where there is one.", required=False),
        Column("reason", "string", "Why it was refused; broken_rule:<rule> names a rule of its silver table."),
        Column("key", "binary", "Key bytes.", required=False),
        Column("value", "binary", "Value bytes, as they came; null for a tombstone.", required=False),
    ),
    key=("topic", "partition", "offset"),
    partitioning=("days(timestamp)",),
    made_from=("bronze.events",),
)

RULES_BY_TOPIC: Mapping[str, Rules] = {
    "shop.orders": orders.RULES,
    "shop.payments": payments.RULES,
    "shop.clicks": clicks.RULES,
    "shop.inventory": inventory.RULES,
    "shop.chargebacks": chargebacks.RULES,
    "shop.reviews": reviews.RULES,
    "tidemark.fraud_scores": fraud_scores.RULES,
}


def _reason(contract: Contract, rules: Rules) -> SparkColumn:
    # transform over a one-element array decodes once, however many rules look at the event.
    judged = F.transform(
        F.array(decode(F.col("value"), contract)),
        lambda event: refusal(F.col("value"), event, F.col("timestamp"), contract, rules),
    )
    return F.when(F.col("topic") == contract.topic, judged[0])


def refuse(events: DataFrame, contracts: Mapping[str, Contract]) -> DataFrame:
    """Return the refused among the events of the topics that `contracts` (topic → contract)
    names.
    """
    reasons = [_reason(contracts[topic], rules) for topic, rules in RULES_BY_TOPIC.items()]
    judged = events.withColumn("reason", F.explode(F.array(F.coalesce(*reasons))))
    refused = judged.filter(F.col("reason").isNotNull()).withColumn("schema_id", schema_id(F.col("value")))
    return refused.select(*TABLE.column_names)
