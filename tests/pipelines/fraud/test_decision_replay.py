"""Past decisions are replayed from logged features at a tag: what changes, what it costs by the
labels known now.
"""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from builders import a_chargeback, a_score, at
from fraud_models import DEAR, a_model, a_policy, deciding

from pipelines.base.errors import ModelError
from pipelines.base.window import Window
from pipelines.fraud import decision_replay
from pipelines.fraud.decision_replay import Wished, immature, replayed, tagged, thresholds, with_total
from pipelines.fraud.features.feature_set import FEATURE_SET, FEATURES
from pipelines.fraud.model.policy import Thresholds
from pipelines.lake import catalog
from pipelines.silver import chargebacks, fraud_scores

OWN = a_policy().thresholds


def features(amount: float) -> list[float]:
    return [amount, *[float("nan")] * (len(FEATURES) - 1)]


def scores(*rows: tuple[str, float, bool], feature_set: str = FEATURE_SET) -> pa.Table:
    """Build scored payments of 100 each: (decision, what the model saw as amount, fraud)."""
    return pa.table(
        {
            "decision": [decision for decision, _, _ in rows],
            "features": pa.array([features(seen) for _, seen, _ in rows], pa.list_(pa.float32())),
            "feature_set": pa.array([feature_set for _ in rows], pa.string()),
            "amount": pa.array([Decimal("100.00") for _ in rows], pa.decimal128(12, 2)),
            "event_at": pa.array([at(60 * i) for i, _ in enumerate(rows)], pa.timestamp("us", "UTC")),
            "fraud": pa.array([fraud for _, _, fraud in rows], pa.bool_()),
        }
    )


PAST = scores(("approve", 10, False), ("approve", 2 * DEAR, True), ("decline", 2 * DEAR, True), ("review", 10, False))


def test_what_changes_is_counted_with_its_money():
    rows = replayed(PAST, a_model(), OWN).set_index(["before", "after"])
    assert rows["payments"].to_dict() == {
        ("approve", "approve"): 1,
        ("approve", "decline"): 1,
        ("decline", "decline"): 1,
        ("review", "approve"): 1,
    }
    assert rows["saved"].to_dict() == {
        ("approve", "approve"): 0,
        ("approve", "decline"): 120,
        ("decline", "decline"): 0,
        ("review", "approve"): 4,
    }
    assert rows.loc[("approve", "decline"), ["frauds", "amount", "cost_before", "cost_after"]].tolist() == [1, 100, 120, 0]


def test_other_thresholds_give_other_decisions():
    rows = replayed(PAST, a_model(), Thresholds(review_at=0.0, decline_at=1.5))
    assert set(rows["after"]) == {"review"}
    assert rows["payments"].sum() == 4


def test_the_total_adds_up():
    rows = with_total(replayed(PAST, a_model(), OWN))
    assert rows.iloc[-1].to_dict() == {
        "before": "all",
        "after": "all",
        "payments": 4,
        "frauds": 2,
        "amount": 400.0,
        "cost_before": 124.0,
        "cost_after": 0.0,
        "saved": 124.0,
    }
    assert rows["payments"].dtype == np.int64


def test_a_window_without_scores_has_no_rows():
    assert len(replayed(scores(), a_model(), OWN)) == 0
    assert with_total(replayed(scores(), a_model(), OWN))["payments"].tolist() == [0]


def test_other_features_are_one_clear_sentence():
    with pytest.raises(ModelError, match=rf"from the features card_activity/0, and this code's models take {FEATURE_SET}"):
        replayed(scores(("approve", 10, False), feature_set="card_activity/0"), a_model(), OWN)


def test_thresholds_are_the_models_save_those_wished():
    model = a_model(booster=deciding(a_policy(review_at=0.3, decline_at=0.6)))
    assert thresholds(model, Wished()) == Thresholds(review_at=0.3, decline_at=0.6)
    assert thresholds(model, Wished(decline_at=0.9)) == Thresholds(review_at=0.3, decline_at=0.9)
    with pytest.raises(ModelError, match=r"review_at 0\.7 is above decline_at 0\.6"):
        thresholds(model, Wished(review_at=0.7))


def test_payments_whose_labels_may_still_come_are_counted():
    assert immature(PAST, a_model(), at(90) + timedelta(days=7)) == 2


def rows_of(spark, table, rows):
    schema = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    lineage = [{"kafka_partition": 0, "kafka_offset": i, "kafka_at": at(i)} for i in range(len(rows))]
    dicts = [{**row, **where} for row, where in zip(rows, lineage, strict=True)]
    return spark.createDataFrame([[row[name] for name in table.column_names] for row in dicts], schema)


@pytest.fixture
def scores_table(spark):
    """The table of scores, empty."""
    catalog.ensure(spark, fraud_scores.TABLE)
    yield fraud_scores.TABLE
    spark.sql(f"DROP TABLE {fraud_scores.TABLE.name}")


def test_a_window_is_read_once_each_as_it_was_at_its_tag_with_the_labels_of_now(spark, own_settings, scores_table):
    logged = {"features": features(10.0), "feature_set": FEATURE_SET}
    times = {"s1": 0, "s2": 60, "s3": 120}
    made = [a_score(event_id=name, payment_id=name, event_at=at(second), **logged) for name, second in times.items()]
    short = a_score(event_id="of-others", payment_id="s1", feature_set=FEATURE_SET, features=[1.0, 2.0], event_at=at(1))
    rows_of(spark, scores_table, [*made, made[0], short]).writeTo(scores_table.name).append()
    tag = tagged(spark)
    assert tagged(spark) == tag
    late = a_score(event_id="s4", payment_id="s4", event_at=at(30), **logged)
    rows_of(spark, scores_table, [late]).writeTo(scores_table.name).append()
    found = rows_of(spark, chargebacks.TABLE, [a_chargeback(payment_id="s2", fraud=True)])
    window = decision_replay.scored(spark, tag, Window(at(0), at(120)))
    rows = decision_replay.labelled(window, found).toArrow()
    assert sorted(rows["fraud"].to_pylist()) == [False, True]
    assert replayed(rows, a_model(), OWN)["payments"].sum() == 2
