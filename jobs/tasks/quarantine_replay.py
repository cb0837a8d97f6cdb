"""Bring back what silver refused: judged anew by today's rules, or as an operator decides; what is
accepted is appended to silver, once.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Literal

import typer
from pyspark.sql import DataFrame, SparkSession

from pipelines.base import exits, logs
from pipelines.base.settings import settings
from pipelines.base.window import EPOCH, FORMATS, Window
from pipelines.kafka.schema_registry import contract
from pipelines.lake.arrow import open_catalogue
from pipelines.lake.database import alone
from pipelines.operations.archived_schemas import contract_for
from pipelines.operations.balance import conflicts
from pipelines.operations.duplicates import Place, tell_apart
from pipelines.operations.quarantine_replay import archived, decided, quarantined, replay
from pipelines.operations.refused import ID_CONFLICT
from pipelines.operations.repair import repairing
from pipelines.silver.refining import Change, Silver
from pipelines.streaming.job import run
from pipelines.tables import refined_from

NAME = "quarantine_replay"
TO_DO = (
    "gold takes in what came back as it takes in other rows; of a day that is over, aggregates want make recompute. "
    "Payments that came back are not scored."
)
log = logs.get(__name__)


def bring_back(spark: SparkSession, silver: Silver, reason: str, change: Change, window: Window | None, dry_run: bool) -> None:
    """Bring back the records of a silver table's topic that were refused for a reason."""
    topic = str(silver.TABLE.topic)
    with alone(settings(), repairing(silver.TABLE)):
        chosen = _conflicting(spark, silver, window) if reason == ID_CONFLICT else quarantined(spark, topic, reason, window)
        outcome = replay(spark, silver, contract_for(chosen, topic), chosen, change, dry_run)
    log.info("would_replay" if dry_run else "replayed", topic=topic, reason=reason, **asdict(outcome), next=TO_DO)


def _conflicting(spark: SparkSession, silver: Silver, window: Window | None) -> DataFrame:
    topic = str(silver.TABLE.topic)
    return archived(spark, topic, _first_of_each(silver, topic), window)


def _first_of_each(silver: Silver, topic: str) -> Sequence[Place]:
    """Return where the events lie that silver lacks for their id; of those with the same content,
    which are copies of each other, the first.
    """
    with open_catalogue() as catalogue:
        found = conflicts(catalogue, [silver], partial(tell_apart, catalogue, contract))
    return [each.place for each in found.get(topic, []) if each.is_first]


def main(
    topic: Annotated[str, typer.Option(help="The topic, such as shop.orders.")],
    reason: Annotated[str, typer.Option(help=f"Why they were refused, as make quarantine shows it, or {ID_CONFLICT}.")],
    as_what: Annotated[
        Literal["arrival-time"] | None,
        typer.Option("--as", help="Take the time of arrival for event_at where the producer's clock was wrong."),
    ] = None,
    start: Annotated[datetime | None, typer.Option("--from", formats=FORMATS, help="First arrival time, UTC.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=FORMATS, help="Arrival time to stop before, UTC.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
) -> None:
    """Bring back what was refused; doing it again adds nothing, and streams may run meanwhile."""
    with exits.in_words(NAME):
        silver = refined_from(topic)
        change = decided(silver, reason, as_what)
        window = Window(start or EPOCH, end or datetime.now(UTC) + timedelta(days=1)) if start or end else None
    run(NAME, lambda spark: bring_back(spark, silver, reason, change, window, dry_run))


if __name__ == "__main__":
    typer.run(main)
