"""One row per record that silver refuses, with the reason and the bytes: the other half of
`refine`, over bronze.

Reasons come from the frame (`frame_refusal` in pipelines/contracts/avro.py: tombstone,
no_schema_header, unreadable_schema, unknown_schema_id) and from the event (`refusal` in
refining.py).
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.bronze import events
from pipelines.contracts.avro import decode, schema_id
from pipelines.contracts.contract import Contract
from pipelines.silver.refining import Change, Silver, as_given, refusal
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="silver.quarantine",
    grain="One row per record of an input topic that was refused.",
    columns=(
        *events.TABLE.take("topic", "partition", "offset", "timestamp"),
        Column("schema_id", "bigint", "Schema id in the record's header, where there is one.", required=False),
        Column("reason", "string", "Why it was refused; broken_rule:<rule> names a rule of its silver table."),
        *events.TABLE.take("key", value="Value bytes, as they came; null for a tombstone."),
    ),
    key=("topic", "partition", "offset"),
    written=Append(),
    partitioning=("days(timestamp)",),
    made_from=(events.TABLE.name,),
)


def _reason(contract: Contract, silver: Silver, change: Change) -> SparkColumn:
    # transform over a one-element array decodes once, however many rules look at the event.
    judged = F.transform(
        F.array(decode(F.col("value"), contract)),
        lambda event: refusal(change(event), contract, silver),
    )
    return F.when(F.col("topic") == contract.topic, judged[0])


def refuse(
    records: DataFrame, contracts: Mapping[str, Contract], tables: Sequence[Silver], change: Change = as_given
) -> DataFrame:
    """Return those of the archived records that the silver `tables` refuse, each by the contract of
    its topic (topic → contract).

    change: what an operator has decided of the events, before they are judged.
    """
    reasons = [_reason(contracts[str(silver.TABLE.topic)], silver, change) for silver in tables]
    judged = records.withColumn("reason", F.explode(F.array(F.coalesce(*reasons))))
    refused = judged.filter(F.col("reason").isNotNull()).withColumn("schema_id", schema_id(F.col("value")))
    return refused.select(*TABLE.column_names)
