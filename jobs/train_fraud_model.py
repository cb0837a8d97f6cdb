"""Train a fraud model on silver payments and chargebacks and register it: the first as champion, later ones as challengers."""

from typing import Annotated, Literal

import typer
from pyspark.sql import SparkSession

from pipelines import caught_up, fraud_history, logs, promotion
from pipelines.job import run
from pipelines.model_registry import ModelRegistry
from pipelines.models import fraud_training
from pipelines.settings import settings
from pipelines.silver import chargebacks, payments

Family = Literal["xgboost", "additive"]


def train(spark: SparkSession, family: Family, promote: bool) -> None:
    """Wait until silver has what the topics have, fold it, fit the model, and register it."""
    told = settings().fraud
    caught_up.wait(spark, payments.TABLE, chargebacks.TABLE)
    snapshots, history = fraud_history.newest(spark, told.label_delay_days)
    trained = fraud_training.train(history, told.label_delay_days, told.costs, family)
    registry = ModelRegistry(settings().mlflow)
    version = registry.register(told.model_name, trained.booster, trained.parameters, trained.metrics, snapshots)
    logs.get(__name__).info("model_registered", version=version, family=family, **trained.metrics)
    promotion.take_up(registry, told.model_name, version, at_once=promote)


def main(
    family: Annotated[Family, typer.Option(help="Trees, or trees that never mix features: a curve for each.")] = "xgboost",
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion at once, whatever serves now.")] = False,
) -> None:
    """Train a fraud model; jobs/promote_fraud_model.py decides whether a challenger becomes the champion."""
    run("train_fraud_model", lambda spark: train(spark, family, promote))


if __name__ == "__main__":
    typer.run(main)
