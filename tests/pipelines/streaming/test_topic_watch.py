"""A topic that is made anew while queries read it is noticed, and only its readers start again."""

import threading
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient
from pyspark.sql import SparkSession
from structlog.testing import capture_logs
from waiting import until

from pipelines.base.settings import Settings
from pipelines.kafka import topics
from pipelines.streaming import job
from pipelines.streaming.supervised_query import Query, SupervisedQuery
from pipelines.streaming.topic_watch import companion

pytestmark = pytest.mark.integration


def test_the_readers_of_a_topic_that_was_made_anew_start_again(local_stack: Settings, stopping: threading.Event) -> None:
    kafka, (one, other) = local_stack.kafka, (f"watched.{uuid4().hex}" for _ in range(2))
    topics.create_missing(kafka, (one, other))
    spark: SparkSession = None  # type: ignore[assignment]
    reader, keeper, stranger = (
        SupervisedQuery(spark, query, stopping)
        for query in (
            Query("reader", lambda spark: None, topics=(one,)),  # type: ignore[arg-type, return-value]
            Query("keeper", lambda spark: None, reads=(one, other)),  # type: ignore[arg-type, return-value]
            Query("stranger", lambda spark: None, topics=(other,)),  # type: ignore[arg-type, return-value]
        )
    )
    look = companion([reader, keeper, stranger], job.renew).tasks["ids"]
    look(spark)
    assert not reader.outdated.is_set()

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.delete_topics([one])[one].result()
    until(lambda: one in topics.create_missing(kafka, (one,)), "the topic is made anew")
    with capture_logs() as logs:
        look(spark)
    assert [each["topics"] for each in logs if each["event"] == "topics_made_anew"] == [[one]]
    assert [query.outdated.is_set() for query in (reader, keeper, stranger)] == [True, True, False]
