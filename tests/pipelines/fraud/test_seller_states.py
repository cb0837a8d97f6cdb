"""What scoring is told of sellers, published hour by hour, is what training sees of the same
payments.
"""

import gc
import re
import time
import uuid
from datetime import timedelta

import numpy as np
import pytest
from builders import NOON, a_chargeback, a_payment, a_score
from fraud_models import a_packed_model
from ids import NO_ID
from pyspark.sql import functions as F
from valkey_server import PASSWORD

from pipelines.base.arrays import DAY_US, HOUR_US
from pipelines.base.errors import CheckpointError, ServiceUnreachable
from pipelines.base.settings import settings
from pipelines.fraud import seller_states, training_data
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.card_state import CARD_FEATURES
from pipelines.fraud.features.feature_set import AMOUNT_Z, FEATURE_SET, FEATURES
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.features.seller_fold import as_of, write_known_features
from pipelines.fraud.features.seller_state import SELLER_FEATURES
from pipelines.lake import catalog
from pipelines.online_store.two_version_records import Batch
from pipelines.silver import chargebacks, fraud_scores, payments

COLUMNS = slice(len(CARD_FEATURES), len(CARD_FEATURES) + len(SELLER_FEATURES))
PAYMENTS = 60
DELAY_DAYS = 7
SELLERS = ["s0", "s1", "s2"]


def day(number: float):
    return NOON + timedelta(days=number)


def rows_of(spark, table, rows):
    """Build rows of a silver table."""
    schema = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    lineage = [{"kafka_partition": 0, "kafka_offset": i, "kafka_at": NOON} for i in range(len(rows))]
    dicts = [{**row, **where} for row, where in zip(rows, lineage, strict=True)]
    return spark.createDataFrame([[row[name] for name in table.column_names] for row in dicts], schema)


@pytest.fixture(scope="module")
def history(spark):
    """Silver tables with three weeks of payments to three sellers, one of them bad, and what
    training makes of them.
    """
    for table in seller_states.TABLES:
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")
        catalog.ensure(spark, table)
    paid = [
        a_payment(
            event_id=f"e{i}", payment_id=f"p{i}", card_id=f"c{i % 4}", seller_id=f"s{i % 3}", event_at=day(i / 3 + i % 5 / 30)
        )
        for i in range(PAYMENTS)
    ]
    found = [
        a_chargeback(event_id=f"f{i}", payment_id=f"p{i}", event_at=paid[i]["event_at"] + timedelta(days=10 if i == 9 else 2))
        for i in range(0, PAYMENTS, 3)
    ]
    found.append(a_chargeback(event_id="cleared", payment_id="p3", fraud=False, event_at=day(15)))
    labelled = training_data.label(rows_of(spark, payments.TABLE, paid), rows_of(spark, chargebacks.TABLE, found)).toArrow()
    past = training_data.folded(labelled, DELAY_DAYS)
    scores = [
        a_score(
            event_id=f"score-e{i}", payment_id=f"p{i}", event_at=p["event_at"], features=row.tolist(), feature_set=FEATURE_SET
        )
        for i, (p, row) in enumerate(zip(paid, past.features, strict=True))
    ]
    for table, rows in zip(seller_states.TABLES, (paid, found, scores), strict=True):
        rows_of(spark, table, rows).writeTo(table.name).append()
    yield labelled, past
    for table in seller_states.TABLES:
        spark.sql(f"DROP TABLE {table.name}")


def seen_by_scoring(store, payments_asked):
    """Return the seller features of payments as the scorer would make them."""
    sellers, seller_of = payment_records.sellers(payments_asked, NO_ID)
    known = store.read(Keys([], [], sellers), Batch(str(uuid.UUID(int=1)), 0), "fraud").known
    features = np.full((len(payments_asked), len(FEATURES)), np.nan, np.float32)
    write_known_features(known.sellers, seller_of, payment_records.records(payments_asked, NO_ID), features)
    return features[:, COLUMNS]


def moments(labelled):
    return as_of(payment_records.records(labelled, NO_ID)["at_us"])


def died_before_noting(store, until):
    store.note_sellers_known(until, seller_states.label_delay_us())


def known_us(store):
    return store.sellers_known_us(seller_states.label_delay_us())


def test_scoring_is_told_what_training_sees(spark, store, history, own_settings):
    labelled, past = history
    for i in (0, 5, 23, 24, 41, 58):
        until = int(moments(labelled)[i])
        seller_states.publish(spark, store, known_us(store), until)
        assert known_us(store) == until
        np.testing.assert_array_equal(seen_by_scoring(store, labelled[i : i + 1])[0], past.features[i, COLUMNS])
    assert past.features[58, COLUMNS].any()


def test_a_payment_from_before_the_last_step_is_told_what_was_known_then(spark, store, history, own_settings):
    labelled, past = history
    for i in (40, 43):  # of one seller
        seller_states.publish(spark, store, known_us(store), int(moments(labelled)[i]))
    np.testing.assert_array_equal(seen_by_scoring(store, labelled[40:41])[0], past.features[40, COLUMNS])
    assert (past.features[40, COLUMNS] != past.features[43, COLUMNS]).any()


def test_a_step_that_died_after_its_states_were_written_is_done_again_and_gives_the_same(spark, store, history, own_settings):
    labelled, _ = history
    first, second = (int(moments(labelled)[i]) for i in (30, 50))
    seller_states.publish(spark, store, 0, first)
    seller_states.publish(spark, store, first, second)
    whole = store.read_sellers(SELLERS)
    died_before_noting(store, first)
    seller_states.publish(spark, store, known_us(store), second)
    assert store.read_sellers(SELLERS).tobytes() == whole.tobytes()


def test_a_step_that_died_half_way_is_done_again_up_to_a_later_hour_and_counts_nothing_twice(
    spark, store, history, own_settings
):
    labelled, past = history
    first, second, third = (int(moments(labelled)[i]) for i in (30, 41, 50))
    seller_states.publish(spark, store, 0, first)
    before = store.read_sellers(SELLERS)
    seller_states.publish(spark, store, first, second)
    not_come_to = store.client.reader.keys(f"*{SELLERS[2]}")[0]
    store.client.writer.set(not_come_to, before[2:].tobytes())
    died_before_noting(store, first)
    seller_states.publish(spark, store, known_us(store), third)
    np.testing.assert_array_equal(seen_by_scoring(store, labelled[50:51])[0], past.features[50, COLUMNS])
    assert store.read_sellers(SELLERS)["after"]["payments"].sum() == 50
    seller_states.publish(spark, store, 0, third)  # anew, over what is there
    assert store.read_sellers(SELLERS)["after"]["payments"].sum() == 50


def test_a_step_that_comes_late_neither_sets_sellers_back_nor_says_that_they_are(spark, store, history, own_settings):
    labelled, past = history
    first, second, third = (int(moments(labelled)[i]) for i in (30, 41, 50))
    seller_states.publish(spark, store, 0, first)
    seller_states.publish(spark, store, first, second)
    seller_states.publish(spark, store, second, third)
    with pytest.raises(CheckpointError, match="came late"):
        seller_states.publish(spark, store, first, second)
    assert known_us(store) == third
    np.testing.assert_array_equal(seen_by_scoring(store, labelled[50:51])[0], past.features[50, COLUMNS])


def test_with_another_label_delay_sellers_are_folded_anew(spark, store, history, own_settings, monkeypatch):
    labelled, _ = history
    first, second = (int(moments(labelled)[i]) for i in (50, 58))
    seller_states.publish(spark, store, 0, first)
    monkeypatch.setenv("TIDEMARK_FRAUD__LABEL_DELAY_DAYS", "3")
    settings.cache_clear()
    seller_states.publish(spark, store, known_us(store), second)
    past = training_data.folded(labelled, 3)
    np.testing.assert_array_equal(seen_by_scoring(store, labelled[58:59])[0], past.features[58, COLUMNS])


def test_a_folding_anew_that_died_begins_anew_also_where_the_label_delay_was_set_back(
    spark, store, history, own_settings, monkeypatch
):
    def died(*args):
        raise ServiceUnreachable("no")

    labelled, _ = history
    first, second = (int(moments(labelled)[i]) for i in (5, 8))
    store.note_sellers_known(first, seller_states.label_delay_us())
    monkeypatch.setattr(store, "write_sellers", died)
    monkeypatch.setenv("TIDEMARK_FRAUD__LABEL_DELAY_DAYS", "3")
    settings.cache_clear()
    with pytest.raises(ServiceUnreachable):
        seller_states.publish(spark, store, known_us(store), second)
    monkeypatch.setenv("TIDEMARK_FRAUD__LABEL_DELAY_DAYS", str(DELAY_DAYS))
    settings.cache_clear()
    assert known_us(store) == 0


def test_a_payment_older_than_a_sellers_states_can_tell_is_told_of_an_unknown_seller(spark, store, history, own_settings):
    labelled, _ = history
    seller_states.publish(spark, store, 0, int(moments(labelled)[50]))
    seller_states.publish(spark, store, known_us(store), int(moments(labelled)[58]))
    old = labelled[:1]
    past = seen_by_scoring(store, old)
    store.client.reader.flushall()
    np.testing.assert_array_equal(past, seen_by_scoring(store, old))


def test_copies_of_an_event_count_once(spark, store, history, own_settings):
    labelled, past = history
    first, second = (int(moments(labelled)[i]) for i in (20, 58))
    # One gets its label, one is paid.
    copies = spark.table(payments.TABLE.name).filter("event_id IN ('e12', 'e40')")
    seller_states.publish(spark, store, 0, first)
    before = spark.sql(f"SELECT snapshot_id FROM {payments.TABLE.name}.refs").first()[0]
    copies.writeTo(payments.TABLE.name).append()
    try:
        seller_states.publish(spark, store, first, second)
    finally:
        spark.sql(f"CALL lake.system.rollback_to_snapshot('{payments.TABLE.name}', {before})").collect()
    np.testing.assert_array_equal(seen_by_scoring(store, labelled[58:59])[0], past.features[58, COLUMNS])
    known = store.read_sellers(SELLERS)["after"]
    assert (known["payments"].sum(), known["labels"].sum()) == (58, 38)


def test_two_payments_of_one_event_id_are_two(spark, store, history, own_settings):
    labelled, _ = history
    first, second = (int(moments(labelled)[i]) for i in (20, 58))
    # One gets its label, one is paid.
    dearer = (F.col("amount") + 1).cast("decimal(12,2)")
    others = spark.table(payments.TABLE.name).filter("event_id IN ('e12', 'e40')").withColumn("amount", dearer)
    seller_states.publish(spark, store, 0, first)
    before = spark.sql(f"SELECT snapshot_id FROM {payments.TABLE.name}.refs").first()[0]
    others.writeTo(payments.TABLE.name).append()
    try:
        seller_states.publish(spark, store, first, second)
    finally:
        spark.sql(f"CALL lake.system.rollback_to_snapshot('{payments.TABLE.name}', {before})").collect()
    known = store.read_sellers(SELLERS)["after"]
    assert (known["payments"].sum(), known["labels"].sum()) == (59, 39)


def test_scores_of_others_stop_no_seller(spark, store, history, own_settings):
    labelled, past = history
    first, second = (int(moments(labelled)[i]) for i in (20, 58))
    seller_states.publish(spark, store, 0, first)
    before = spark.sql(f"SELECT snapshot_id FROM {fraud_scores.TABLE.name}.refs").first()[0]
    of_a_payment = spark.table(fraud_scores.TABLE.name).filter("payment_id = 'p12'")
    short = F.array(F.lit(1.0).cast("float"), F.lit(2.0).cast("float"))
    of_a_payment.withColumns({"features": short, "event_id": F.lit("of-others")}).writeTo(fraud_scores.TABLE.name).append()
    try:
        seller_states.publish(spark, store, first, second)
    finally:
        spark.sql(f"CALL lake.system.rollback_to_snapshot('{fraud_scores.TABLE.name}', {before})").collect()
    np.testing.assert_array_equal(seen_by_scoring(store, labelled[58:59])[0], past.features[58, COLUMNS])


def test_only_the_scores_of_due_payments_are_grouped_and_of_their_features_only_the_one(spark, history):
    tables = [spark.table(table.name) for table in seller_states.TABLES]
    judged = seller_states.judgeable(*tables, 20 * DAY_US, 21 * DAY_US, DAY_US)
    plan = judged._jdf.queryExecution().optimizedPlan().toString()
    assert re.search(r"LeftSemi, .*event_at", plan), plan
    assert re.search(rf"min_by\(features#\d+\[{AMOUNT_Z}\], ", plan), plan


def test_an_hour_is_over_when_its_payments_have_had_time_to_arrive():
    hour = 5 * HOUR_US
    assert seller_states.last_full_hour(hour + seller_states.ARRIVING_US - 1) == hour - HOUR_US
    assert seller_states.last_full_hour(hour + seller_states.ARRIVING_US) == hour


def test_without_a_model_and_before_the_hour_is_over_nothing_is_asked_of_spark(store):
    seller_states.publish_if_due(None, store)
    store.models.publish(a_packed_model())
    until = seller_states.last_full_hour(time.time_ns() // 1000) + HOUR_US
    store.note_sellers_known(until, seller_states.label_delay_us())
    seller_states.publish_if_due(None, store)


def test_each_look_closes_its_connections(server, monkeypatch):
    monkeypatch.setenv("TIDEMARK_VALKEY__PORT", str(server.settings.port))
    monkeypatch.setenv("TIDEMARK_VALKEY__PASSWORD", PASSWORD)
    settings.cache_clear()
    gc.disable()  # which would close what nobody else has
    try:
        for _ in range(3):
            seller_states.publish_what_is_known(None)
        assert server.client.info("clients")["connected_clients"] == 1, "that of this question"
    finally:
        gc.enable()
        settings.cache_clear()
