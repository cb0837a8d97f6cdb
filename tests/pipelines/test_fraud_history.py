"""Payments get the label the bank found last, in the order they arrived, and are folded as the stream folds them."""

import pytest
from builders import a_chargeback, a_payment, at
from pyspark.sql import functions as F

from pipelines import catalog, fraud_history
from pipelines.errors import ModelError
from pipelines.features.card_records import FEATURE_NAMES
from pipelines.silver import chargebacks, payments


def silver(spark, table, rows):
    """Build rows of a silver table; the numbers of the rows are their offsets."""
    schema = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    lineage = [{"kafka_partition": 0, "kafka_offset": i, "kafka_at": at(i)} for i in range(len(rows))]
    dicts = [{**row, **where} for row, where in zip(rows, lineage, strict=True)]
    return spark.createDataFrame([[row[name] for name in table.column_names] for row in dicts], schema)


def test_the_last_finding_counts_and_no_finding_means_no_fraud(spark):
    paid = silver(spark, payments.TABLE, [a_payment(event_id=f"e{i}", payment_id=f"p{i}") for i in range(3)])
    found = [
        a_chargeback(event_id="c1", payment_id="p0", fraud=True, event_at=at(10)),
        a_chargeback(event_id="c2", payment_id="p0", fraud=False, reason="dispute_cleared", event_at=at(20)),
        a_chargeback(event_id="c3", payment_id="p2", fraud=True, event_at=at(10)),
    ]
    labelled = fraud_history.label(paid, silver(spark, chargebacks.TABLE, found)).collect()
    told = [(row["event_id"], row["fraud"], row["campaign"]) for row in labelled]
    assert told == [("e0", False, "dispute_cleared"), ("e1", False, ""), ("e2", True, "stolen_card")]


def test_history_is_folded_in_order_of_arrival_and_repeats_are_left_out(spark):
    rows = [a_payment(event_id="e1"), a_payment(event_id="e2", event_at=at(60)), a_payment(event_id="e1")]
    paid = silver(spark, payments.TABLE, rows).orderBy(F.desc("kafka_offset"))
    labelled = fraud_history.label(paid, silver(spark, chargebacks.TABLE, [a_chargeback(payment_id="other")]))
    history = fraud_history.folded(labelled.toArrow(), label_delay_days=7)
    assert history.features[:, FEATURE_NAMES.index("payments_before")].tolist() == [0, 1]
    assert history.fraud.tolist() == [False, False]
    assert history.card.tolist() == [0, 0]
    assert (history.amount.tolist(), history.campaign.tolist()) == ([12, 12], ["", ""])


def test_a_seller_is_told_only_what_was_known_of_it_by_then(spark):
    rows = [a_payment(event_id=f"e{i}", payment_id=f"p{i}", card_id=f"c{i}", event_at=at(i * 86_400)) for i in (0, 6, 8)]
    found = [a_chargeback(payment_id="p0", event_at=at(86_400))]
    labelled = fraud_history.label(silver(spark, payments.TABLE, rows), silver(spark, chargebacks.TABLE, found))
    history = fraud_history.folded(labelled.toArrow(), label_delay_days=7)
    assert history.features[:, FEATURE_NAMES.index("seller_payments_30d")].tolist() == [0, 1, 2]
    assert history.features[:, FEATURE_NAMES.index("seller_frauds_30d")].tolist() == [0, 0, 1]


def test_a_table_is_read_as_it_was_and_an_empty_one_is_told(spark):
    catalog.ensure(spark, chargebacks.TABLE)
    with pytest.raises(ModelError, match=r"silver\.chargebacks is empty"):
        fraud_history.snapshot(spark, chargebacks.TABLE)
    silver(spark, chargebacks.TABLE, [a_chargeback()]).writeTo(chargebacks.TABLE.name).append()
    then = fraud_history.snapshot(spark, chargebacks.TABLE)
    silver(spark, chargebacks.TABLE, [a_chargeback(event_id="later")]).writeTo(chargebacks.TABLE.name).append()
    assert fraud_history.read(spark, chargebacks.TABLE.name, then).count() == 1
    spark.sql(f"DROP TABLE {chargebacks.TABLE.name}")
