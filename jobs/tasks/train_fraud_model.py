"""Train a fraud model on silver payments and chargebacks and register it: the first as champion,
later ones as challengers.
"""

from typing import Annotated, Literal

import typer
from pyspark.sql import SparkSession

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.fraud import promotion, training_data
from pipelines.fraud.model import training
from pipelines.fraud.model.history import History
from pipelines.models.registry import ModelRegistry
from pipelines.silver import chargebacks, fraud_scores, payments
from pipelines.streaming import progress
from pipelines.streaming.job import run

Family = Literal["xgboost", "additive"]
Features = Literal["folded", "logged"]


def history(spark: SparkSession, features: Features, label_delay_days: int) -> tuple[dict[str, str], History]:
    """Wait until silver has what the topics have; return its snapshots, and payments folded anew or
    as they were logged.
    """
    if features == "logged":
        progress.wait(spark, fraud_scores.TABLE, chargebacks.TABLE)
        return training_data.newest_logged(spark)
    progress.wait(spark, payments.TABLE, chargebacks.TABLE)
    return training_data.newest(spark, label_delay_days)


def train(spark: SparkSession, family: Family, features: Features, promote: bool) -> None:
    """Fit a model on what silver has, and register it."""
    told = settings().fraud
    snapshots, past = history(spark, features, told.label_delay_days)
    trained = training.train(past, told.label_delay_days, told.costs, family)
    registry = ModelRegistry(settings().mlflow)
    version = registry.register(
        told.model_name, trained.booster, {**trained.parameters, "features": features}, trained.metrics, snapshots
    )
    logs.get(__name__).info("model_registered", version=version, family=family, features=features, **trained.metrics)
    promotion.take_up(registry, told.model_name, version, at_once=promote)


def main(
    family: Annotated[Family, typer.Option(help="Trees, or trees that never mix features: a curve for each.")] = "xgboost",
    features: Annotated[
        Features, typer.Option(help="Fold all payments anew, or take what was logged with the scores of payments.")
    ] = "folded",
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion at once, whatever serves now.")] = False,
) -> None:
    """Train a fraud model; jobs/tasks/promote_fraud_model.py decides whether a challenger becomes
    the champion.
    """
    run("train_fraud_model", lambda spark: train(spark, family, features, promote))


if __name__ == "__main__":
    typer.run(main)
