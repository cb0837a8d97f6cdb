"""Replays past decisions from what the scorer logged: with another model or other thresholds, and
the labels known by now.
"""

from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import ModelError
from pipelines.base.window import Window
from pipelines.fraud import training_data
from pipelines.fraud.features.feature_set import FEATURE_SET, FEATURES
from pipelines.fraud.model import decisions, fraud_model
from pipelines.fraud.model.policy import Thresholds
from pipelines.lake import catalog
from pipelines.models.registry import ModelRegistry
from pipelines.silver.fraud_scores import TABLE
from pipelines.silver.refining import one_per_id

RETAINED_DAYS = 90
COLUMNS = ("decision", "features", "feature_set", "amount", "event_at", "fraud")


class Wished(NamedTuple):
    """Thresholds to replay with in place of the model's own."""

    review_at: float | None = None
    decline_at: float | None = None


def tagged(spark: SparkSession) -> str:
    """Return the name of a tag on the newest snapshot of the scores, which keeps it from expiring
    for RETAINED_DAYS.
    """
    snapshot = training_data.snapshot(spark, TABLE)
    tag = f"replay_{snapshot}"
    retained = f"AS OF VERSION {snapshot} RETAIN {RETAINED_DAYS} DAYS"
    spark.sql(f"ALTER TABLE {catalog.full_name(TABLE)} CREATE TAG IF NOT EXISTS {tag} {retained}")
    return tag


def scored(spark: SparkSession, tag: str, window: Window) -> DataFrame:
    """Return the scores of payments made in a window, once each, as they were at a tag; without
    those that claim this code's feature set and have other features.
    """
    scores = one_per_id(spark.read.option("versionAsOf", tag).table(TABLE.name))
    is_comparable = (F.col("feature_set") != FEATURE_SET) | training_data.has_our_features()
    return scores.filter(window.holds(F.col("event_at")) & is_comparable)


def labelled(scores: DataFrame, chargebacks: DataFrame) -> DataFrame:
    """Return scores with `fraud`: what the bank has found last by now, false where it has found
    nothing.
    """
    found = training_data.found(chargebacks)
    return scores.join(found, "payment_id", "left").withColumn("fraud", F.coalesce("fraud", F.lit(False))).select(*COLUMNS)


def chosen(registry: ModelRegistry, name: str, choice: str) -> fraud_model.Model:
    """Return the model that `choice` names, as NAME/VERSION or as an alias of `name`; raises
    ModelError where there is none.
    """
    named, _, version = choice.rpartition("/")
    if not named:
        named, version = name, registry.version_of(name, choice) or ""
    if not version:
        raise ModelError(f"Model {name} has no {choice}: choose champion, challenger, or NAME/VERSION.")
    return fraud_model.load(registry.packed(named, version))


def thresholds(model: fraud_model.Model, wished: Wished) -> Thresholds:
    """Return the model's thresholds, save those wished otherwise; raises ModelError where they
    contradict each other.
    """
    given = {name: value for name, value in wished._asdict().items() if value is not None}
    try:
        return Thresholds(**{**model.policy.thresholds.model_dump(), **given})
    except ValidationError as error:
        raise ModelError(f"These thresholds cannot be replayed ({error.errors()[0]['msg']}): give others.") from error


def replayed(scores: pa.Table, model: fraud_model.Model, at: Thresholds) -> pd.DataFrame:
    """Return for each pair of decisions, before and after, how many payments, frauds and how much
    money they concern.

    `scores` has COLUMNS. `cost_before` and `cost_after` are what the decisions cost by the model's
    costs and the labels; the rows are `before`, `after`, `payments`, `frauds`, `amount`,
    `cost_before`, `cost_after`, `saved`. Raises ModelError when the scores were made from other
    features than the model takes.
    """
    _require_features(scores)
    features = pc.list_flatten(scores["features"]).to_numpy().reshape(-1, len(FEATURES))
    fraudulent, amount = (scores[name].cast(pa.float64()).to_numpy() for name in ("fraud", "amount"))
    after = decisions.decide(fraud_model.predict(model, features).astype(np.float64), at)
    before = scores["decision"].to_numpy().astype(str)
    cost_before, cost_after = (decisions.cost(made, fraudulent, amount, model.policy.costs) for made in (before, after))
    each = {
        "payments": 1,
        "frauds": fraudulent.astype(int),
        "amount": amount,
        "cost_before": cost_before,
        "cost_after": cost_after,
    }
    rows = pd.DataFrame({"before": before, "after": after, **each, "saved": cost_before - cost_after})
    return rows.groupby(["before", "after"], as_index=False).sum()


def with_total(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `replayed` with their sums as the last."""
    total = {"before": "all", "after": "all", **rows.drop(columns=["before", "after"]).sum()}
    return pd.concat([rows, pd.DataFrame([total]).astype(rows.dtypes)], ignore_index=True)


def _require_features(scores: pa.Table) -> None:
    others = sorted(set(scores["feature_set"].unique().to_pylist()) - {FEATURE_SET})
    if others:
        raise ModelError(
            f"These payments were scored from the features {', '.join(others)}, and this code's models take {FEATURE_SET}: "
            "replay a window that was scored from the same features."
        )


def immature(scores: pa.Table, model: fraud_model.Model, now: datetime) -> int:
    """Return of how many payments the labels may still come."""
    age = pd.Timestamp(now) - scores["event_at"].to_pandas()
    return int((age < pd.Timedelta(days=model.policy.label_delay_days)).sum())
