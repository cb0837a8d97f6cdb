"""What silver accepts, all that is behind it can digest, however extreme a record the contracts
allow.
"""

from collections.abc import Mapping
from functools import reduce
from random import Random

import pyarrow as pa
from builders import a_contract, kafka_records
from extreme_records import records
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ids import NO_ID
from pyspark.sql import DataFrame, SparkSession

from pipelines.fraud.features import payment_records
from pipelines.fraud.features.fold import fold, nothing_known
from pipelines.gold import AGGREGATED
from pipelines.gold.aggregating import aggregate
from pipelines.silver import REFINED, payments, quarantine
from pipelines.silver.refining import refine
from pipelines.tables import TABLES

SILVER = {str(silver.TABLE.topic): silver for silver in REFINED}
CONTRACTS = {topic: a_contract(topic) for topic in SILVER}


def accepted(spark: SparkSession, values: Mapping[str, list[bytes]]) -> dict[str, DataFrame]:
    """The rows of every silver table, by topic; what is not among them is in quarantine."""
    came = reduce(DataFrame.unionAll, (kafka_records(spark, topic, sent) for topic, sent in values.items())).localCheckpoint()
    refused = {
        row["topic"]: row["count"] for row in quarantine.refuse(came, CONTRACTS, REFINED).groupBy("topic").count().collect()
    }
    rows = {topic: refine(came, CONTRACTS[topic], SILVER[topic]).localCheckpoint() for topic in values}
    for topic, sent in values.items():
        assert rows[topic].count() + refused[topic] == len(sent)
        assert 0 < refused[topic] < len(sent)
    return rows


def in_gold(rows: Mapping[str, DataFrame]) -> list[DataFrame]:
    return [
        aggregate(gold, lambda silver: rows[str(TABLES[silver].topic)], lateness=lambda table: "1 day") for gold in AGGREGATED
    ]


# Without shrinking: each step of it would be a run of Spark.
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_what_silver_accepts_everything_behind_it_digests(spark: SparkSession, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - no secret
    sent = {topic: records(chance, topic, 250) for topic in SILVER}
    rows = accepted(spark, sent)
    for frame in (*rows.values(), *in_gold(rows)):
        as_python(frame.toArrow())
    paid = payments.purchases(rows["shop.payments"]).toArrow()
    keys, numbered = payment_records.keyed(paid, NO_ID)
    assert len(fold(nothing_known(keys), numbered).features) == len(paid)


def as_python(table: pa.Table) -> None:
    """Look at every value, as Python, pandas and whoever reads the files with pyiceberg do."""
    table.validate(full=True)
    assert len(table.to_pylist()) == len(table.to_pandas()) == len(table)
