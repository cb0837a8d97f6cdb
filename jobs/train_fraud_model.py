"""Train a fraud model on silver payments and chargebacks and register it: the first as champion, later ones as challengers."""

from typing import Annotated, Literal

import typer
from pyspark.sql import SparkSession

from pipelines import caught_up, fraud_history, logs, promotion
from pipelines.job import run
from pipelines.model_registry import ModelRegistry
from pipelines.models import fraud_training
from pipelines.models.history import History
from pipelines.settings import settings
from pipelines.silver import chargebacks, fraud_scores, payments

Family = Literal["xgboost", "additive"]
Features = Literal["folded", "logged"]


def history(spark: SparkSession, features: Features, label_delay_days: int) -> tuple[dict[str, str], History]:
    """Wait until silver has what the topics have; return its snapshots, and payments folded anew or as they were logged."""
    if features == "logged":
        caught_up.wait(spark, fraud_scores.TABLE, chargebacks.TABLE)
        return fraud_history.newest_logged(spark)
    caught_up.wait(spark, payments.TABLE, chargebacks.TABLE)
    return fraud_history.newest(spark, label_delay_days)


def train(spark: SparkSession, family: Family, features: Features, promote: bool) -> None:
    """Fit a model on what silver has, and register it."""
    told = settings().fraud
    snapshots, past = history(spark, features, told.label_delay_days)
    trained = fraud_training.train(past, told.label_delay_days, told.costs, family)
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
    """Train a fraud model; jobs/promote_fraud_model.py decides whether a challenger becomes the champion."""
    run("train_fraud_model", lambda spark: train(spark, family, features, promote))


if __name__ == "__main__":
    typer.run(main)
