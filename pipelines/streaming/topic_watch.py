"""Notices which topics were made anew while queries read them: offsets begin at 0 again, and a
query that reads on at the old ones would leave records out in silence.
"""

from collections.abc import Callable, Collection, Iterable

from pyspark.sql import SparkSession

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.kafka import topics
from pipelines.streaming.companions import Companion
from pipelines.streaming.supervised_query import SupervisedQuery

log = logs.get(__name__)

LOOK_EVERY_S = 5.0


class TopicWatch:
    """Compares the ids that Kafka gave topics with those of the look before."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.wanted = sorted(wanted)
        self.known: dict[str, str] = {}

    def made_anew(self) -> frozenset[str]:
        """Return the topics that were made anew since the last look; raises ServiceUnreachable
        without a broker, ContractError where a topic is not there.
        """
        if not self.wanted:
            return frozenset()
        before, self.known = self.known, topics.ids(settings().kafka, self.wanted)
        return frozenset(topic for topic, was in before.items() if self.known[topic] != was)


def companion(
    queries: Iterable[SupervisedQuery], renew: Callable[[Iterable[SupervisedQuery]], None], every_s: float = LOOK_EVERY_S
) -> Companion:
    """Return what has queries start again, which then refuse what they cannot go on with, once a
    topic that they read is another one.
    """
    readers = {query: {*query.query.topics, *query.query.reads} for query in queries}
    watch = TopicWatch(frozenset[str]().union(*readers.values()))

    def look(spark: SparkSession) -> None:
        if anew := watch.made_anew():
            log.error("topics_made_anew", topics=sorted(anew), action="their queries start again")
            renew(query for query, read in readers.items() if anew & read)

    return Companion("topics", every_s, {"ids": look})
