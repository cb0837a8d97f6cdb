"""Payments get the label the bank found last, in the order they arrived, and are folded as the
stream folds them.
"""

import uuid
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from builders import a_chargeback, a_payment, a_score, at
from fraud_models import a_serving
from payment_batches import payments as a_batch
from pyspark.sql import functions as F
from varied_payments import Made
from varied_payments import table as as_training_reads

from pipelines.base.errors import ModelError
from pipelines.base.settings import settings
from pipelines.fraud import training_data
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURE_SET, FEATURES
from pipelines.fraud.scoring import score_batch
from pipelines.lake import catalog
from pipelines.online_store.two_version_records import Batch
from pipelines.silver import chargebacks, fraud_scores, payments


def silver(spark, table, rows):
    """Build rows of a silver table; the numbers of the rows are their offsets."""
    schema = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    lineage = [{"kafka_partition": 0, "kafka_offset": i, "kafka_at": at(i)} for i in range(len(rows))]
    dicts = [{**where, **row} for row, where in zip(rows, lineage, strict=True)]
    return spark.createDataFrame([[row.get(name) for name in table.column_names] for row in dicts], schema)


def test_the_last_finding_counts_and_no_finding_means_no_fraud(spark):
    paid = silver(spark, payments.TABLE, [a_payment(event_id=f"e{i}", payment_id=f"p{i}") for i in range(3)])
    found = [
        a_chargeback(event_id="c1", payment_id="p0", fraud=True, event_at=at(10)),
        a_chargeback(event_id="c2", payment_id="p0", fraud=False, reason="dispute_cleared", event_at=at(20)),
        a_chargeback(event_id="c3", payment_id="p2", fraud=True, event_at=at(10)),
    ]
    labelled = training_data.label(paid, silver(spark, chargebacks.TABLE, found)).collect()
    labels = [(row["event_id"], row["fraud"], row["campaign"]) for row in labelled]
    assert labels == [("e0", False, "dispute_cleared"), ("e1", False, ""), ("e2", True, "stolen_card")]


def test_history_is_folded_in_order_of_arrival_and_repeats_are_left_out(spark):
    rows = [a_payment(event_id="e1"), a_payment(event_id="e2", event_at=at(60)), a_payment(event_id="e1")]
    paid = silver(spark, payments.TABLE, rows).orderBy(F.desc("kafka_offset"))
    labelled = training_data.label(paid, silver(spark, chargebacks.TABLE, [a_chargeback(payment_id="other")]))
    history = training_data.folded(labelled.toArrow(), label_delay_days=7)
    assert history.features[:, FEATURE_NAMES.index("payments_before")].tolist() == [0, 1]
    assert history.fraud.tolist() == [False, False]
    assert history.card.tolist() == [0, 0]
    assert (history.amount.tolist(), history.campaign.tolist()) == ([12, 12], ["", ""])


def test_devices_are_folded_in_order_of_arrival_over_all_partitions_and_cards_in_that_of_their_own(spark):
    rows = [
        a_payment(event_id=f"e{i}", card_id=f"c{card}", kafka_partition=card % 2, kafka_offset=i, kafka_at=at(arrived))
        for i, (card, arrived) in enumerate([(0, 0), (0, 3), (1, 1), (1, 2), (3, 2)])
    ]
    paid = silver(spark, payments.TABLE, rows).orderBy(F.desc("kafka_at"))
    labelled = training_data.label(paid, silver(spark, chargebacks.TABLE, [a_chargeback(payment_id="other")]))
    features = training_data.folded(labelled.toArrow(), label_delay_days=7).features
    assert features[:, FEATURE_NAMES.index("payments_before")].tolist() == [0, 1, 0, 1, 0]
    assert features[:, FEATURE_NAMES.index("device_cards_2d")].tolist() == [0, 2, 1, 1, 2]


@pytest.fixture(scope="module")
def shop():
    """Payments of three months, in order of arrival, one of them twice, as training reads them."""
    made = Made()
    past = made.past()
    guests = [{**each, "card_id": "guest"} for each in made.round(1)]
    return as_training_reads([*made.sales(), *past, past[3], *guests, *made.round(2), *made.round(3)])


@pytest.mark.parametrize("cuts", [[1], [50, 60, 121], list(range(0, 150, 7))])
def test_a_past_in_slices_gives_the_history_of_all_of_it_at_once(shop, cuts):
    whole = training_data.folded(shop, 7)
    sliced = training_data.history([shop.slice(a, b - a) for a, b in pairwise([0, *cuts, len(shop)])], 7)
    for name, values in vars(whole).items():
        np.testing.assert_array_equal(getattr(sliced, name), values, err_msg=name)


def test_what_lies_out_of_reach_is_not_in_the_history_and_known_to_what_is(shop):
    whole = training_data.folded(shop, 7)
    since_us, until_us = np.quantile(whole.at_us, (0.4, 0.9)).astype(np.int64).tolist()
    newest_us = int(whole.at_us.max())
    recent = training_data.history([shop.slice(0, 90), shop.slice(90)], 7, training_data.Reach(since_us, until_us, newest_us))
    within = (whole.at_us >= since_us) & (whole.at_us <= until_us) | (whole.at_us == newest_us)
    for name, values in vars(whole.where(within)).items():
        np.testing.assert_array_equal(getattr(recent, name), values, err_msg=name)
    assert 0 < len(recent.fraud) < len(whole.fraud)
    assert recent.features[:, FEATURE_NAMES.index("payments_before")].min() == 0 < recent.features[:, 0].min()


def test_payments_without_a_card_count_as_cards_of_their_own(shop):
    history = training_data.folded(shop, 7)
    of_guests = history.card[[each == "guest" for each in unrepeated(shop)]]
    assert len(set(of_guests)) == len(of_guests) == 10
    assert not set(of_guests) & set(history.card[[each != "guest" for each in unrepeated(shop)]])


def unrepeated(shop):
    return training_data.fold_cards(shop)[0]["card_id"].to_pylist()


def test_refunds_are_no_history(spark, own_settings):
    for silver_table, rows in (
        (payments.TABLE, [a_payment(event_id="e1"), a_payment(event_id="e2", payment_id="p2", amount=Decimal("-12.00"))]),
        (chargebacks.TABLE, [a_chargeback(payment_id="other")]),
    ):
        spark.sql(f"DROP TABLE IF EXISTS {silver_table.name}")
        catalog.ensure(spark, silver_table)
        silver(spark, silver_table, rows).writeTo(silver_table.name).append()
    _, history = training_data.newest(spark, settings().fraud)
    assert history.amount.tolist() == [12]
    assert training_data.newest(spark, settings().fraud.model_copy(update={"label_delay_days": 0}))[1].amount.tolist() == [12]
    for silver_table in (payments.TABLE, chargebacks.TABLE):
        spark.sql(f"DROP TABLE {silver_table.name}")


def test_a_seller_is_told_only_what_was_known_of_it_by_then(spark):
    rows = [a_payment(event_id=f"e{i}", payment_id=f"p{i}", card_id=f"c{i}", event_at=at(i * 86_400)) for i in (0, 6, 8)]
    found = [a_chargeback(payment_id="p0", event_at=at(86_400))]
    labelled = training_data.label(silver(spark, payments.TABLE, rows), silver(spark, chargebacks.TABLE, found))
    history = training_data.folded(labelled.toArrow(), label_delay_days=7)
    assert history.features[:, FEATURE_NAMES.index("seller_payments_30d")].tolist() == [0, 1, 2]
    assert history.features[:, FEATURE_NAMES.index("seller_frauds_30d")].tolist() == [0, 0, 1]


def test_a_table_is_read_as_it_was_and_an_empty_one_is_told(spark):
    catalog.ensure(spark, chargebacks.TABLE)
    with pytest.raises(ModelError, match=r"silver\.chargebacks is empty"):
        training_data.snapshot(spark, chargebacks.TABLE)
    silver(spark, chargebacks.TABLE, [a_chargeback()]).writeTo(chargebacks.TABLE.name).append()
    then = training_data.snapshot(spark, chargebacks.TABLE)
    silver(spark, chargebacks.TABLE, [a_chargeback(event_id="later")]).writeTo(chargebacks.TABLE.name).append()
    assert training_data.read(spark, chargebacks.TABLE.name, then).count() == 1
    spark.sql(f"DROP TABLE {chargebacks.TABLE.name}")


def test_what_the_scorer_logged_is_what_training_folds_of_the_same_payments(spark, store):
    paid, serving = a_batch(*range(30)), a_serving()
    scored = [score_batch(paid.slice(i, 10), Batch(str(uuid.UUID(int=1)), i), store, serving) for i in (0, 10, 20)]
    found = silver(spark, chargebacks.TABLE, [a_chargeback(payment_id="p4"), a_chargeback(event_id="c2", payment_id="p7")])
    scores = silver(spark, fraud_scores.TABLE, pa.concat_tables(scored).to_pylist())
    logged = training_data.logged(training_data.label_scores(scores, found).toArrow())
    folded = training_data.folded(
        training_data.label(silver(spark, payments.TABLE, rows_of(paid)), found).toArrow(), label_delay_days=7
    )
    assert folded.fraud.sum() == 2
    assert len(np.unique(folded.features[:, FEATURE_NAMES.index("payments_before")])) == 10
    for name, values in vars(folded).items():
        np.testing.assert_array_equal(getattr(logged, name), values, err_msg=name)


def rows_of(paid):
    return [{**a_payment(), **row} for row in paid.to_pylist()]


# What somebody else may write under the name of our feature set.
OF_OTHERS = [[], [1.0, 2.0], [0.5] * (len(FEATURES) + 1), [float("-inf")] * len(FEATURES)]


def test_of_scores_each_counts_once_and_those_of_other_features_do_not(spark):
    seen = [0.5] * len(FEATURES)
    rows = [
        a_score(event_id="score-e1", feature_set=FEATURE_SET, features=seen, amount=Decimal("7.00")),
        a_score(event_id="score-e1", feature_set=FEATURE_SET, features=[0.0] * len(FEATURES)),
        a_score(event_id="score-e2", feature_set="cards/0", features=[1.0, 2.0]),
        *(a_score(event_id=f"of-others-{n}", feature_set=FEATURE_SET, features=other) for n, other in enumerate(OF_OTHERS)),
    ]
    found = silver(spark, chargebacks.TABLE, [a_chargeback(payment_id="other")])
    logged = training_data.logged(training_data.label_scores(silver(spark, fraud_scores.TABLE, rows), found).toArrow())
    assert (logged.features.tolist(), logged.amount.tolist(), logged.fraud.tolist()) == ([seen], [7.0], [False])


def test_logged_history_names_the_snapshots_it_was_read_from(spark):
    for table, row in (
        (fraud_scores.TABLE, a_score(feature_set=FEATURE_SET, features=[0.5] * len(FEATURES))),
        (chargebacks.TABLE, a_chargeback()),
    ):
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")
        catalog.ensure(spark, table)
        silver(spark, table, [row]).writeTo(table.name).append()
    snapshots, logged = training_data.newest_logged(spark, settings().fraud)
    assert snapshots == {table.name: training_data.snapshot(spark, table) for table in (fraud_scores.TABLE, chargebacks.TABLE)}
    assert len(logged.fraud) == 1
    for table in (fraud_scores.TABLE, chargebacks.TABLE):
        spark.sql(f"DROP TABLE {table.name}")
