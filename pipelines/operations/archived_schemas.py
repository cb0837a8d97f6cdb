"""The contract with which archived records are read again: it knows the schemas of their ids,
wherever those are registered by now.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.contracts.avro import frame_refusal, schema_id
from pipelines.contracts.contract import Contract
from pipelines.kafka.schema_registry import contract, contract_with

MOST_IDS = 100  # the most frequent; a corrupt frame has any id
HIGHEST_ID = 2**31 - 1  # that a registry gives


def contract_for(records: DataFrame, topic: str) -> Contract:
    """Return the contract of a topic with the schemas that archived records (Kafka's columns) name
    by their id and that it lacks or has left out.
    """
    known = contract(topic)
    refused = frame_refusal(F.col("value"), known).isin("unknown_schema_id", "unreadable_schema")
    of_topic = records.filter((F.col("topic") == topic) & refused).select(schema_id(F.col("value")).alias("id"))
    counted = of_topic.filter(F.col("id").between(1, HIGHEST_ID)).groupBy("id").count()
    ids = [row["id"] for row in counted.orderBy(F.desc("count"), "id").limit(MOST_IDS).collect()]
    return contract_with(topic, ids) if ids else known
