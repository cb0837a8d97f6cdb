"""A session's row holds the list that was recommended last, however the lists are cut into
batches.
"""

from pathlib import Path

import pytest
from builders import a_recommendation, at
from pyspark.sql import SparkSession
from silver_rows import silver

from pipelines.gold import recommendations
from pipelines.lake import catalog
from pipelines.lake.merge import merge_into
from pipelines.silver import recommendations as listed

# Of one session, as they were made: the third one after a click that came late.
MADE = [
    a_recommendation(event_id="recommendation-e1", event_at=at(0), recommended_at=at(0.25)),
    a_recommendation(event_id="recommendation-e2", event_at=at(60), recommended_at=at(60.5), products=["p3", "p4"]),
    a_recommendation(event_id="recommendation-e3", event_at=at(30), recommended_at=at(61), products=["p5", "p6"], late=True),
    a_recommendation(event_id="recommendation-e9", event_at=at(5), recommended_at=at(6), session_id="v2"),
]


@pytest.mark.parametrize("cuts", [[[0, 1, 2, 3]], [[0], [1], [2], [3]], [[2, 3], [1], [0]]])
def test_the_list_that_was_made_last_stays(spark: SparkSession, own_settings: Path, cuts: list[list[int]]) -> None:
    spark.sql(f"DROP TABLE IF EXISTS {recommendations.TABLE.name}")
    catalog.ensure(spark, recommendations.TABLE)
    for cut in cuts:
        rows = silver(spark, listed.TABLE, *(MADE[number] for number in cut))
        merge_into(recommendations.aggregate(rows), recommendations.TABLE)
    found = {row["session_id"]: row for row in catalog.fresh(spark, recommendations.TABLE).collect()}
    assert {session: row["event_id"] for session, row in found.items()} == {
        "v1": "recommendation-e3",
        "v2": "recommendation-e9",
    }
    assert (found["v1"]["products"], found["v1"]["latency_ms"]) == (["p5", "p6"], 31_000.0)
    spark.sql(f"DROP TABLE {recommendations.TABLE.name}")
