"""A record with other bytes than those that silver holds is decoded: its event makes it a copy."""

from collections.abc import Iterator

import numpy as np
import pytest
from builders import a_contract, a_review, framed, kafka_records
from pyspark.sql import SparkSession

from pipelines.bronze import events
from pipelines.lake import catalog
from pipelines.operations.duplicates import duplicates_among
from pipelines.operations.positions import Positions
from pipelines.silver import reviews
from pipelines.silver.refining import refine

TOPIC = "shop.reviews"


@pytest.fixture
def reviewed(spark: SparkSession) -> Iterator[SparkSession]:
    """Bronze has two events, a copy of the first with another score, and what is no event; silver
    has the first.
    """
    sent = [a_review(event_id="first"), a_review(event_id="other"), a_review(event_id="first", score=1)]
    records = kafka_records(spark, TOPIC, [*(framed(TOPIC, each) for each in sent), b"no event"])
    for table in (events.TABLE, reviews.TABLE):
        catalog.ensure(spark, table)
    events.keep(records).writeTo(events.TABLE.name).append()
    refine(records, a_contract(TOPIC), reviews).filter("kafka_offset = 0").writeTo(reviews.TABLE.name).append()
    yield spark
    for table in (events.TABLE, reviews.TABLE):
        spark.sql(f"DROP TABLE {table.name}")


@pytest.mark.parametrize(("wanted", "expected"), [([1, 2, 3], [2]), ([1, 3], []), ([], [])])
def test_of_these_records_those_whose_event_silver_holds(
    reviewed: SparkSession, wanted: list[int], expected: list[int]
) -> None:
    nowhere = Positions()
    nowhere.add(np.zeros(len(wanted), np.int64), np.array(wanted, np.int64))
    found = duplicates_among(reviewed, reviews, a_contract(TOPIC), nowhere)
    assert [offset for _, offsets in found.offsets() for offset in offsets.tolist()] == expected
