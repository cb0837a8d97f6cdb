"""A query of a running job fails at one record; `make skip` puts that one aside, and the query goes
on by itself.
"""

import json
from pathlib import Path

import httpx
import pytest
from builders import a_review
from processes import finished, running
from topic_records import send
from trino_lake import Lake
from waiting import until

from pipelines.base.settings import Settings

pytestmark = pytest.mark.integration

# silver.reviews as it is, but for one review, at which it fails.
JOB = """
import sys
from functools import partial
from pyspark.sql import functions as F
from jobs.streams import refine
from pipelines.silver import reviews
from pipelines.streaming.failing_record import Trial
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import deduplicate, read_topics_of
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import append

def rows(spark, read):
    fails = F.raise_error(F.lit("this review is doomed")).cast("string")
    refined = refine.rows(spark, read, reviews)
    return refined.withColumn("review_id", F.when(F.col("review_id") == "doomed", fails).otherwise(F.col("review_id")))

def start(spark):
    made = rows(spark, lambda topic: read_topics_of(spark, reviews.TABLE, topic))
    return append(deduplicate(made, reviews.TABLE), reviews.TABLE)

run_queries("doomed", lambda: [Query("silver.reviews", start, Trial(("shop.reviews",), rows, reviews.TABLE))])
"""


@pytest.fixture
def reviews(local_stack: Settings) -> None:
    """Three reviews, of which the job fails at the second."""
    finished("jobs/tasks/register_contracts.py")
    for name in ("before", "doomed", "behind"):
        send(local_stack.kafka, "shop.reviews", a_review(event_id=f"skip-{name}", review_id=name), key="order_id")


def failing(chosen: Settings) -> dict[str, object] | None:
    """What the job says of its query, once it has named a record."""
    try:
        (query,) = httpx.get(f"http://127.0.0.1:{chosen.spark.status_port}/queries", timeout=5).json()
    except httpx.HTTPError:
        return None
    return query if query["record"] else None


@pytest.mark.usefixtures("reviews")
def test_the_record_that_is_named_goes_to_quarantine_and_the_query_goes_on(local_stack: Settings, tmp_path: Path) -> None:
    lake, job = Lake(), tmp_path / "doomed.py"
    job.write_text(JOB)
    refused = finished("jobs/tasks/skip.py", "--query", "silver.reviews", expect=2)
    assert "No job tells" in refused.stderr
    with running(tmp_path / "job.log", str(job), PYTHONPATH=".") as process:
        until(lambda: failing(local_stack) is not None, "the record is named", process, within_s=300)
        wrong = finished("jobs/tasks/skip.py", "--query", "gold.orders", expect=2)
        assert "There is no query gold.orders" in wrong.stderr
        skipped = finished("jobs/tasks/skip.py", "--query", "silver.reviews")
        until(lambda: lake.count("silver.reviews", "event_id = 'skip-behind'") == 1, "the query goes on", process, within_s=300)
    place = json.loads([line for line in skipped.stderr.splitlines() if '"skipped"' in line][-1])["record"]
    ids = lake.rows("SELECT event_id FROM silver.reviews WHERE event_id LIKE 'skip-%'")
    assert sorted(ids) == [["skip-before"], ["skip-behind"]]
    ((topic, partition, offset),) = lake.rows(
        "SELECT topic, partition, \"offset\" FROM silver.quarantine WHERE reason LIKE 'skipped_by:silver.reviews:%doomed%'"
    )
    assert place == f"{topic}[{partition}]@{offset}"
