"""Run every query of the laptop in one driver: the fraud scorer, the recommender, bronze, silver,
quarantine and gold, with upkeep, the states of sellers and what is out of stock beside them.
"""

from typing import Annotated

import typer

from jobs.streams import aggregate, keep_events, quarantine_events, recommend, refine, score_payments
from pipelines.base.errors import SettingsError
from pipelines.fraud import seller_states
from pipelines.operations import upkeep
from pipelines.recommendations import availability
from pipelines.streaming.companions import Companion
from pipelines.streaming.job import run_queries
from pipelines.streaming.supervised_query import Query


def queries(*without: str) -> list[Query]:
    """Return every query but those named; the scorer and the recommender are first, because
    somebody waits for their answers.

    Raises SettingsError for a name that is none.
    """
    jobs = (score_payments, recommend, keep_events, refine, quarantine_events, aggregate)
    known = {query.name: query for job in jobs for query in job.queries()}
    if strangers := set(without) - known.keys():
        raise SettingsError(f"There is no query {', '.join(sorted(strangers))}: choose of {', '.join(known)}.")
    return [query for name, query in known.items() if name not in without]


def companions() -> list[Companion]:
    """Return what lives beside the queries."""
    return [upkeep.companion(), upkeep.sweeper(), seller_states.companion(), availability.companion()]


def main(
    without: Annotated[
        list[str] | None,
        typer.Option(help="A query that another driver runs, such as tidemark.fraud_scores; repeat for more."),
    ] = None,
) -> None:
    """Run every query in one driver until stopped, with what lives beside them."""
    run_queries("run_all", lambda: queries(*without or ()), companions)


if __name__ == "__main__":
    typer.run(main)
