"""Replay the decisions of a past window with another model or other thresholds, and show what
changes and what it saves.
"""

from datetime import UTC, datetime
from typing import Annotated

import pandas as pd
import typer
from pyspark.sql import SparkSession
from rich.console import Console
from rich.table import Table as Grid

from pipelines.base import exits
from pipelines.base.settings import settings
from pipelines.base.window import FORMATS, Window
from pipelines.fraud import decision_replay
from pipelines.lake import catalog
from pipelines.models.registry import ModelRegistry
from pipelines.silver import chargebacks
from pipelines.streaming.job import run

NAME = "replay_decisions"


def show_replay(spark: SparkSession, window: Window, choice: str, at: decision_replay.Wished, tag: str | None) -> None:
    """Print what changes, and where the scores and the labels were read."""
    model = decision_replay.chosen(ModelRegistry(settings().mlflow), settings().fraud.model_name, choice)
    thresholds = decision_replay.thresholds(model, at)
    tag = tag or decision_replay.tagged(spark)
    scores = decision_replay.labelled(
        decision_replay.scored(spark, tag, window), catalog.fresh(spark, chargebacks.TABLE)
    ).toArrow()
    console, young = Console(), decision_replay.immature(scores, model, datetime.now(UTC))
    _print(console, decision_replay.replayed(scores, model, thresholds))
    console.print(f"scores {window} as of tag {tag} of silver.fraud_scores (--tag {tag} reads the same again)")
    console.print(
        f"after: {model.name}/{model.version}, review at {thresholds.review_at:.4g}, decline at {thresholds.decline_at:.4g}"
    )
    console.print(
        f"labels as known now: {young} payments are younger than {model.policy.label_delay_days} days, theirs may still come"
    )


def _print(console: Console, rows: pd.DataFrame) -> None:
    grid = Grid(*rows.columns)
    for row in decision_replay.with_total(rows).to_dict("records"):
        grid.add_row(*(f"{value:,.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(grid)


def main(
    start: Annotated[
        datetime, typer.Option("--from", formats=FORMATS, help="First payment time, UTC, such as 2026-11-22T00:00:00.")
    ],
    end: Annotated[datetime, typer.Option("--to", formats=FORMATS, help="Payment time to stop before, UTC.")],
    model: Annotated[str, typer.Option(help="champion, challenger, or NAME/VERSION such as fraud/3.")] = "champion",
    review_at: Annotated[
        float | None, typer.Option(min=0, help="Review from this probability on; else the model's own.")
    ] = None,
    decline_at: Annotated[
        float | None, typer.Option(min=0, help="Decline from this probability on; else the model's own.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="Tag of silver.fraud_scores to read; else a new one of its newest state.")
    ] = None,
) -> None:
    """Replay decisions from the features that were logged with them; nothing that was decided
    changes.
    """
    wished = decision_replay.Wished(review_at, decline_at)
    with exits.in_words(NAME):
        window = Window(start, end)
    run(NAME, lambda spark: show_replay(spark, window, model, wished, tag))


if __name__ == "__main__":
    typer.run(main)
