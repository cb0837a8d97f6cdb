"""Train a fraud model on silver payments and chargebacks and register it: the first as champion,
later ones as challengers.
"""

from typing import Annotated, Literal

import typer
from pyspark.sql import SparkSession

from pipelines.base import exits, logs
from pipelines.base.settings import Fraud, settings
from pipelines.fraud import promotion, training_data
from pipelines.fraud.champion import champion_of_todays_features
from pipelines.fraud.features.feature_set import FEATURE_SET
from pipelines.fraud.model import training
from pipelines.fraud.model.history import History
from pipelines.models.registry import ModelRegistry
from pipelines.silver import chargebacks, fraud_scores, payments
from pipelines.streaming import progress
from pipelines.streaming.job import run

NAME = "train_fraud_model"

log = logs.get(__name__)

Family = Literal["xgboost", "additive"]
Features = Literal["folded", "logged"]


def history(spark: SparkSession, features: Features, fraud: Fraud) -> tuple[dict[str, str], History]:
    """Wait until silver has what the topics have; return its snapshots, and payments folded anew or
    as they were logged.
    """
    if features == "logged":
        progress.wait(spark, fraud_scores.TABLE, chargebacks.TABLE)
        return training_data.newest_logged(spark, fraud)
    progress.wait(spark, payments.TABLE, chargebacks.TABLE)
    return training_data.newest(spark, fraud)


def train(spark: SparkSession, family: Family, features: Features, promote: bool) -> None:
    """Fit a model on what silver has, and register it."""
    fraud = settings().fraud
    snapshots, past = history(spark, features, fraud)
    trained = training.train(past, fraud.label_delay_days, fraud.costs, family)
    registry = ModelRegistry(settings().mlflow)
    version = registry.register(
        fraud.model_name,
        trained.booster,
        {**trained.parameters, "features": features},
        trained.metrics,
        snapshots,
        feature_set=FEATURE_SET,
        answer="probability",
    )
    log.info("model_registered", version=version, family=family, features=features, **trained.metrics)
    promotion.take_up(registry, fraud.model_name, version, at_once=promote)


def is_needed() -> bool:
    """Return whether no champion of today's features is registered, and log it where one is."""
    name = settings().fraud.model_name
    version = champion_of_todays_features(ModelRegistry(settings().mlflow), name)
    if version is not None:
        log.info("no_training_needed", model=name, champion=version, feature_set=FEATURE_SET)
    return version is None


def main(
    family: Annotated[Family, typer.Option(help="Trees, or trees that never mix features: a curve for each.")] = "xgboost",
    features: Annotated[
        Features, typer.Option(help="Fold all payments anew, or take what was logged with the scores of payments.")
    ] = "folded",
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion at once, whatever serves now.")] = False,
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Only where there is no champion of today's features yet.")
    ] = False,
) -> None:
    """Train a fraud model; jobs/tasks/promote_fraud_model.py decides whether a challenger becomes
    the champion.
    """
    with exits.in_words(NAME):
        if if_needed and not is_needed():
            return
    run(NAME, lambda spark: train(spark, family, features, promote))


if __name__ == "__main__":
    typer.run(main)
