"""Train the fraud model on silver payments and chargebacks, register it and make it the champion."""

from pyspark.sql import SparkSession

from pipelines import caught_up, fraud_history, logs
from pipelines.job import run
from pipelines.model_registry import ModelRegistry
from pipelines.models import fraud_training
from pipelines.settings import settings
from pipelines.silver import chargebacks, payments


def train(spark: SparkSession) -> None:
    """Wait until silver has what the topics have, fold it, fit the model, and put it in service."""
    caught_up.wait(spark, payments.TABLE, chargebacks.TABLE)
    snapshots = {table.name: fraud_history.snapshot(spark, table) for table in (payments.TABLE, chargebacks.TABLE)}
    paid, charged_back = (fraud_history.read(spark, name, snapshot) for name, snapshot in snapshots.items())
    delay_days = settings().fraud.label_delay_days
    history = fraud_history.folded(fraud_history.label(paid, charged_back).toArrow(), delay_days)
    trained = fraud_training.train(history, delay_days)
    registry = ModelRegistry(settings().mlflow)
    version = registry.register(settings().fraud.model_name, trained.booster, trained.parameters, trained.metrics, snapshots)
    logs.get(__name__).info("champion_set", version=version, **trained.metrics)


if __name__ == "__main__":
    run("train_fraud_model", train)
