"""Run every query of the laptop in one driver: the fraud scorer, bronze, silver, quarantine and
gold, with upkeep and the states of sellers beside them.
"""

from jobs.streams import aggregate, keep_events, quarantine_events, refine, score_payments
from pipelines.fraud import seller_states
from pipelines.operations import upkeep
from pipelines.streaming.companions import Companion
from pipelines.streaming.job import run_queries
from pipelines.streaming.supervised_query import Query


def queries() -> list[Query]:
    """Return every query; the scorer is first, because somebody waits for its answers."""
    jobs = (score_payments, keep_events, refine, quarantine_events, aggregate)
    return [query for job in jobs for query in job.queries()]


def companions() -> list[Companion]:
    """Return what lives beside the queries."""
    return [upkeep.companion(), upkeep.sweeper(), seller_states.companion()]


if __name__ == "__main__":
    run_queries("run_all", queries, companions)
