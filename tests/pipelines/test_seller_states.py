"""What scoring is told of sellers, published hour by hour, is what training sees of the same payments."""

import time
import uuid
from datetime import timedelta

import numpy as np
import pytest
from builders import NOON, a_chargeback, a_payment, a_score
from fraud_models import a_packed_model

from pipelines import catalog, fraud_history, seller_states
from pipelines.features import payment_records
from pipelines.features.card_records import CARD_FEATURES, FEATURE_SET, FEATURES
from pipelines.features.seller_history import as_of
from pipelines.features.seller_records import HOUR_US
from pipelines.known_sellers import tell_known
from pipelines.online_store import Batch
from pipelines.silver import chargebacks, payments

COLUMNS = slice(len(CARD_FEATURES), None)
PAYMENTS = 60
DELAY_DAYS = 7


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
    """Silver tables with three weeks of payments to three sellers, one of them bad, and what training makes of them."""
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
    labelled = fraud_history.label(rows_of(spark, payments.TABLE, paid), rows_of(spark, chargebacks.TABLE, found)).toArrow()
    told = fraud_history.folded(labelled, DELAY_DAYS)
    scores = [
        a_score(
            event_id=f"score-e{i}", payment_id=f"p{i}", event_at=p["event_at"], features=row.tolist(), feature_set=FEATURE_SET
        )
        for i, (p, row) in enumerate(zip(paid, told.features, strict=True))
    ]
    for table, rows in zip(seller_states.TABLES, (paid, found, scores), strict=True):
        rows_of(spark, table, rows).writeTo(table.name).append()
    yield labelled, told
    for table in seller_states.TABLES:
        spark.sql(f"DROP TABLE {table.name}")


def told_by_store(store, payments_asked):
    """Return the seller features of payments as the scorer would make them."""
    sellers, seller_of = payment_records.sellers(payments_asked)
    reading = store.read([], Batch(str(uuid.UUID(int=1)), 0), "fraud", sellers)
    features = np.full((len(payments_asked), len(FEATURES)), np.nan, np.float32)
    tell_known(reading.sellers, seller_of, payment_records.records(payments_asked), features)
    return features[:, COLUMNS]


def moments(labelled):
    return as_of(payment_records.records(labelled)["at_us"])


def test_scoring_is_told_what_training_sees(spark, store, history, own_settings):
    labelled, told = history
    for i in (0, 5, 23, 24, 41, 58):
        known_us = int(moments(labelled)[i])
        seller_states.publish(spark, store, store.sellers_known_us(), known_us)
        assert store.sellers_known_us() == known_us
        np.testing.assert_array_equal(told_by_store(store, labelled[i : i + 1])[0], told.features[i, COLUMNS])
    assert told.features[58, COLUMNS].any()


def test_a_payment_from_before_the_last_step_is_told_what_was_known_then(spark, store, history, own_settings):
    labelled, told = history
    for i in (40, 43):  # of one seller
        seller_states.publish(spark, store, store.sellers_known_us(), int(moments(labelled)[i]))
    np.testing.assert_array_equal(told_by_store(store, labelled[40:41])[0], told.features[40, COLUMNS])
    assert (told.features[40, COLUMNS] != told.features[43, COLUMNS]).any()


def test_a_step_that_died_after_its_states_were_written_is_done_again_and_gives_the_same(spark, store, history, own_settings):
    labelled, _ = history
    first, second = (int(moments(labelled)[i]) for i in (30, 50))
    seller_states.publish(spark, store, 0, first)
    seller_states.publish(spark, store, first, second)
    whole = store.read_sellers(["s0", "s1", "s2"])
    store.write_sellers([], whole[:0], first)  # as if it had died before it said how far it was
    seller_states.publish(spark, store, store.sellers_known_us(), second)
    assert store.read_sellers(["s0", "s1", "s2"]).tobytes() == whole.tobytes()


def test_an_hour_is_over_when_its_payments_have_had_time_to_arrive():
    hour = 5 * HOUR_US
    assert seller_states.last_full_hour(hour + seller_states.ARRIVING_US - 1) == hour - HOUR_US
    assert seller_states.last_full_hour(hour + seller_states.ARRIVING_US) == hour


def test_without_a_model_and_before_the_hour_is_over_nothing_is_asked_of_spark(store, monkeypatch):
    monkeypatch.setattr(seller_states, "OnlineStore", lambda told: store)
    seller_states.publish_what_is_known(None)
    store.publish(a_packed_model())
    store.write_sellers([], store.read_sellers([]), seller_states.last_full_hour(time.time_ns() // 1000) + HOUR_US)
    seller_states.publish_what_is_known(None)
