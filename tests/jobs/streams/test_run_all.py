"""The laptop's one driver: its queries know the topics whose schemas concern them."""

import pytest

from jobs.streams import run_all
from pipelines.base.errors import SettingsError
from pipelines.silver import REFINED
from pipelines.tables import GOLD


def test_each_query_names_the_topics_whose_records_it_decodes() -> None:
    found = {query.name: query.topics for query in run_all.queries()}
    topics = {silver.TABLE.name: str(silver.TABLE.topic) for silver in REFINED}
    assert found == {
        **{table: (topic,) for table, topic in topics.items()},
        "silver.quarantine": tuple(topics.values()),
        "tidemark.fraud_scores": ("shop.payments",),
        "tidemark.recommendations": ("shop.clicks",),
        **dict.fromkeys(["bronze.events", *GOLD], ()),
    }


def test_a_query_that_another_driver_runs_is_left_out() -> None:
    names = [query.name for query in run_all.queries("tidemark.fraud_scores")]
    assert names == [query.name for query in run_all.queries() if query.name != "tidemark.fraud_scores"]


def test_a_query_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"no query gold\.nothing: choose of tidemark\.fraud_scores, "):
        run_all.queries("gold.nothing")
