"""Let the challenger become the champion if it passes the gate, or make a version the champion by
hand.
"""

from typing import Annotated

import typer
from pyspark.sql import SparkSession

from pipelines.base import exits
from pipelines.base.settings import settings
from pipelines.fraud import promotion, training_data
from pipelines.models.registry import ModelRegistry
from pipelines.streaming.job import run

NAME = "promote_fraud_model"


def promote(spark: SparkSession) -> None:
    """Compare challenger and champion on the newest payments whose labels have matured."""
    snapshots, history = training_data.newest(spark, settings().fraud)
    promotion.decide(ModelRegistry(settings().mlflow), settings().fraud.model_name, history, snapshots)


def main(
    to: Annotated[
        str | None, typer.Option(help="Make this version the champion without comparing, such as an earlier one.")
    ] = None,
) -> None:
    """Promote the challenger, or refuse it: both are logged, tagged in MLflow, and end with exit
    code 0.
    """
    if to is None:
        run(NAME, promote)
        return
    with exits.in_words(NAME):
        promotion.set_champion(ModelRegistry(settings().mlflow), settings().fraud.model_name, to)


if __name__ == "__main__":
    typer.run(main)
