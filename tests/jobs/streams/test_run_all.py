"""The laptop's one driver: its queries know the topics whose schemas concern them."""

from jobs.streams import run_all
from pipelines.silver import REFINED
from pipelines.tables import GOLD


def test_each_query_names_the_topics_whose_records_it_decodes() -> None:
    found = {query.name: query.topics for query in run_all.queries()}
    topics = {silver.TABLE.name: str(silver.TABLE.topic) for silver in REFINED}
    assert found == {
        **{table: (topic,) for table, topic in topics.items()},
        "silver.quarantine": tuple(topics.values()),
        "tidemark.fraud_scores": ("shop.payments",),
        **dict.fromkeys(["bronze.events", *GOLD], ()),
    }
