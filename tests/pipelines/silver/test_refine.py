"""Every silver table: what is valid becomes a typed row, everything else is quarantined with its
reason.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import (
    BUILDERS,
    NOON,
    SCHEMAS,
    a_click,
    a_contract,
    a_movement,
    a_payment,
    a_score,
    an_item,
    an_order,
    framed,
    kafka_records,
    schemas,
    written,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.bronze import events
from pipelines.contracts.contract import contract_of
from pipelines.silver import REFINED, quarantine
from pipelines.silver.refining import filled, refine, rules
from pipelines.tables import TABLES

SILVER = {str(silver.TABLE.topic): silver for silver in REFINED}
CONTRACTS = {topic: a_contract(topic) for topic in SILVER}


def reasons(spark: SparkSession, topic: str, values: list[bytes | None], keys: Sequence[bytes | None] = ()) -> list[str]:
    """Why quarantine refuses each of the records, after checking that refine leaves exactly those
    out.
    """
    records = kafka_records(spark, topic, values, keys=keys).localCheckpoint()
    refused = {row["offset"]: row["reason"] for row in quarantine.refuse(records, CONTRACTS, REFINED).collect()}
    accepted = {row["kafka_offset"] for row in refine(records, CONTRACTS[topic], SILVER[topic]).collect()}
    assert accepted.isdisjoint(refused)
    assert accepted | refused.keys() == set(range(len(values)))
    return [refused.get(offset, "accepted") for offset in range(len(values))]


@pytest.mark.parametrize("topic", sorted(SILVER))
def test_a_valid_event_becomes_a_row_with_its_values(spark: SparkSession, topic: str) -> None:
    silver = SILVER[topic]
    event = BUILDERS[topic]()

    [row] = refine(kafka_records(spark, topic, [framed(topic, event)], offset=7), a_contract(topic), silver).collect()

    found = row.asDict(recursive=True)
    lineage = {"kafka_partition": 0, "kafka_offset": 7, "kafka_at": NOON.replace(tzinfo=None)}
    expected = {key: value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value for key, value in event.items()}
    assert found == {**expected, **lineage}
    assert list(found) == silver.TABLE.column_names


@pytest.mark.parametrize("topic", sorted(SILVER))
def test_the_table_has_the_contract_s_fields_and_words(topic: str) -> None:
    table = SILVER[topic].TABLE
    schema = json.loads((SCHEMAS / f"{topic}.avsc").read_text())
    in_contract = [(field["name"], field["doc"], not isinstance(field["type"], list)) for field in schema["fields"]]
    in_table = [(c.name, c.meaning, c.required) for c in filled(table)]
    assert in_table == in_contract


@pytest.mark.parametrize("topic", ["shop.orders", "shop.payments"])
def test_two_writer_schemas_decode_into_one_table(spark: SparkSession, topic: str) -> None:
    builder = BUILDERS[topic]
    new_field, value = {"shop.orders": ("promotion_code", "SPRING"), "shop.payments": ("three_d_secure", True)}[topic]
    old, new = framed(topic, builder(event_id="old"), version=1), framed(topic, builder(event_id="new", **{new_field: value}))

    rows = refine(kafka_records(spark, topic, [old, new]), a_contract(topic), SILVER[topic]).collect()

    assert {row["event_id"]: row[new_field] for row in rows} == {"old": None, "new": value}


def test_every_version_of_a_score_decodes_and_older_ones_lack_what_came_later(spark: SparkSession) -> None:
    shadow = {"challenger_version": "2", "challenger_probability": 0.5, "challenger_decision": "review", "late": True}
    written = [framed("tidemark.fraud_scores", a_score(event_id=f"v{n}", **shadow), version=n) for n in (1, 2, 3)]
    records = kafka_records(spark, "tidemark.fraud_scores", written)

    rows = refine(records, a_contract("tidemark.fraud_scores"), SILVER["tidemark.fraud_scores"]).collect()

    assert {row["event_id"]: tuple(row[name] for name in shadow) for row in rows} == {
        "v1": (None, None, None, None),
        "v2": ("2", 0.5, None, None),
        "v3": ("2", 0.5, "review", True),
    }


def test_what_is_no_record_is_quarantined_with_its_reason(spark: SparkSession) -> None:
    good = framed("shop.orders", an_order())
    values = [None, b"", b"\x00\x00", b"{json}", b"\x01" + good[1:], b"\x00\x00\x00\x03\xe7" + good[5:], good[:20], good]

    assert reasons(spark, "shop.orders", values) == [
        "tombstone",
        "no_schema_header",
        "no_schema_header",
        "no_schema_header",
        "no_schema_header",
        "unknown_schema_id",
        "undecodable",
        "accepted",
    ]


def test_what_a_schema_keeps_out_of_silver_is_taken_up_once_the_contract_knows_it(spark: SparkSession) -> None:
    gift = {"type": "record", "name": "Gift", "fields": [{"name": "note", "type": "string"}]}
    named, whole = (an_order_schema_with_first({"name": "gift", "type": type_}) for type_ in ("shop.Gift", gift))
    order = {**an_order(), "gift": {"note": "for you"}}
    records = kafka_records(spark, "shop.orders", [written(order, whole, 7), written(order, whole, 8)]).localCheckpoint()
    orders, ours = SILVER["shop.orders"], schemas("shop.orders")

    before, _ = contract_of("shop.orders", ours, {1: ours[-1], 7: named})
    refused = quarantine.refuse(records, {**CONTRACTS, "shop.orders": before}, REFINED)
    assert {row["offset"]: row["reason"] for row in refused.collect()} == {0: "unreadable_schema", 1: "unknown_schema_id"}
    assert refine(records, before, orders).count() == 0

    after, _ = contract_of("shop.orders", ours, {1: ours[-1], 7: whole, 8: whole})
    assert refine(records, after, orders).count() == 2


def an_order_schema_with_first(field: dict[str, Any]) -> str:
    """Our order's schema with one more field, the first."""
    tree = json.loads(schemas("shop.orders")[-1])
    tree["fields"].insert(0, field)
    return json.dumps(tree)


def test_a_corrupt_length_does_not_exhaust_the_heap(spark: SparkSession) -> None:
    longest_string = b"\xfe\xff\xff\xff\x0f"  # zig-zag of 2^31 - 1

    assert reasons(spark, "shop.orders", [b"\x00\x00\x00\x00\x02" + longest_string + b"x"]) == ["undecodable"]


BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("shop.orders", "status_not_blank", an_order(status=" ")),
    ("shop.orders", "version_from_1", an_order(version=0)),
    ("shop.orders", "has_items", an_order(status="delivered", items=[])),
    ("shop.orders", "lines_up_to_1000", an_order(items=[an_item()] * 1001)),
    ("shop.orders", "lines_have_ids", an_order(items=[an_item(), an_item(seller_id=" ")])),
    ("shop.orders", "quantities_up_to_a_million", an_order(items=[an_item(), an_item(quantity=0)])),
    ("shop.orders", "worth_up_to_a_billion", an_order(items=[an_item(quantity=1_000_000, price=Decimal("1000.01"))])),
    ("shop.payments", "method_not_blank", a_payment(method=" ")),
    ("shop.payments", "installments_not_negative", a_payment(installments=-1)),
    ("shop.payments", "attempt_from_1", a_payment(attempt_number=0)),
    ("shop.payments", "on_earth", a_payment(latitude=float("nan"), longitude=0.0)),
    ("shop.clicks", "action_not_blank", a_click(action="")),
    ("shop.clicks", "position_from_1", a_click(position=0)),
    ("shop.clicks", "quantity_0_to_a_million", a_click(quantity=1_000_001)),
    ("shop.clicks", "price_not_negative", a_click(price=Decimal("-1.00"))),
    ("shop.inventory", "kind_not_blank", a_movement(kind="\t")),
    ("shop.inventory", "quantity_within_a_million", a_movement(kind="correction", quantity=-(2**31))),
    ("shop.inventory", "sales_leave", a_movement(kind="sale", quantity=1)),
    ("shop.inventory", "restocks_and_returns_come", a_movement(kind="restock", quantity=-1)),
    ("shop.chargebacks", "amount_not_negative", BUILDERS["shop.chargebacks"](amount=Decimal("-1.00"))),
    ("shop.reviews", "score_1_to_5", BUILDERS["shop.reviews"](score=6)),
    ("tidemark.fraud_scores", "probability_0_to_1", a_score(probability=1.5)),
    ("tidemark.fraud_scores", "known_decision", a_score(decision="perhaps")),
    ("tidemark.fraud_scores", "known_challenger_decision", a_score(challenger_decision="perhaps")),
    ("tidemark.fraud_scores", "reasons_up_to_100", a_score(reasons=["late at night"] * 101)),
    ("tidemark.fraud_scores", "features_up_to_1000", a_score(features=[1.0] * 1001)),
]


NEW_WORDS: list[tuple[str, dict[str, Any]]] = [
    ("shop.orders", an_order(status="returned", version=3)),
    ("shop.orders", an_order(status="awaiting_pickup")),
    ("shop.orders", an_order(items=[an_item(), an_item(item_number=2, product_id="voucher", price=Decimal("-5.00"))])),
    ("shop.orders", an_order(items=[an_item(quantity=-1)])),
    ("shop.clicks", a_click(action="add_to_wishlist", quantity=0)),
    ("shop.inventory", a_movement(kind="transfer", quantity=-3)),
    ("shop.inventory", a_movement(kind="theft", quantity=-1)),
]


@pytest.mark.parametrize("topic", sorted({topic for topic, _ in NEW_WORDS}))
def test_words_that_nobody_listed_are_taken_in(spark: SparkSession, topic: str) -> None:
    events = [event for of, event in NEW_WORDS if of == topic]
    assert reasons(spark, topic, [framed(topic, event) for event in events]) == ["accepted"] * len(events)


def test_what_any_silver_table_refuses_is_kept_and_quarantined() -> None:
    assert SILVER.keys() == {table.topic for table in TABLES.values() if table.topic}


@pytest.mark.parametrize("topic", sorted(SILVER))
def test_each_broken_rule_is_named(spark: SparkSession, topic: str) -> None:
    cases = [(rule, event) for of, rule, event in BROKEN if of == topic]
    assert {rule for rule, _ in cases} == set(SILVER[topic].RULES)

    found = reasons(spark, topic, [framed(topic, event) for _, event in cases])

    assert found == [f"broken_rule:{rule}" for rule, _ in cases]


def test_payments_may_be_of_methods_that_are_new_to_us_refunds_and_without_a_device_or_seller(spark: SparkSession) -> None:
    odd = [
        a_payment(method="pix"),
        a_payment(method="gift card", channel="kiosk", country="A1"),
        a_payment(amount=Decimal("-10.00")),
        a_payment(device_id="", seller_id="", customer_id=" "),
    ]
    assert reasons(spark, "shop.payments", [framed("shop.payments", each) for each in odd]) == ["accepted"] * len(odd)


BOUNDED: list[tuple[str, str, dict[str, Any]]] = [
    *(
        (topic, "event_id_not_blank", BUILDERS[topic](event_id=blank))
        for topic in SILVER
        for blank in ("", " ", "\n\t\xa0\u200b", "\u3000", "\ufeff\0\xad\u2800")
    ),
    *(
        (topic, "event_id_up_to_800_bytes", BUILDERS[topic](event_id="ü" * 401))
        for topic in SILVER
        if topic.startswith("shop.")
    ),
    ("tidemark.fraud_scores", "event_id_up_to_900_bytes", a_score(event_id="ü" * 451)),
    *((topic, "event_id_no_placeholder", BUILDERS[topic](event_id="undefined")) for topic in SILVER),
    ("shop.orders", "order_id_no_placeholder", an_order(order_id="N/A")),
    ("shop.orders", "items_product_id_no_placeholder", an_order(items=[an_item(), an_item(product_id="[object Object]")])),
    ("shop.orders", "items_seller_id_no_placeholder", an_order(items=[an_item(), an_item(seller_id="\u200bNULL\u3000")])),
    ("shop.payments", "payment_id_no_placeholder", a_payment(payment_id="00000000-0000-0000-0000-000000000000")),
    ("shop.clicks", "session_id_no_placeholder", a_click(session_id="<null>")),
    ("shop.clicks", "product_id_no_placeholder", a_click(product_id="none")),
    ("shop.inventory", "product_id_no_placeholder", a_movement(product_id="undefined")),
    ("shop.chargebacks", "payment_id_no_placeholder", BUILDERS["shop.chargebacks"](payment_id="unknown")),
    ("shop.reviews", "order_id_no_placeholder", BUILDERS["shop.reviews"](order_id="-")),
    ("tidemark.fraud_scores", "payment_id_no_placeholder", a_score(payment_id="undefined")),
    ("shop.orders", "placed_at_not_in_the_future", an_order(placed_at=NOON + timedelta(minutes=11))),
    ("tidemark.fraud_scores", "scored_at_not_in_the_future", a_score(scored_at=NOON + timedelta(days=400))),
    ("shop.orders", "customer_id_not_blank", an_order(customer_id="")),
    ("shop.orders", "placed_at_between_2000_and_2100", an_order(placed_at=NOON.replace(year=1999))),
    ("shop.orders", "estimated_delivery_at_between_2000_and_2100", an_order(estimated_delivery_at=NOON.replace(year=2100))),
    ("shop.orders", "texts_together_up_to_100_kb", an_order(items=[an_item(category="x" * 100_000)])),
    ("shop.payments", "card_id_up_to_800_bytes", a_payment(card_id="x" * 801)),
    ("shop.payments", "currency_has_three_letters", a_payment(currency="R$")),
    ("shop.clicks", "currency_has_three_letters", a_click(currency="BRL\n")),
    ("shop.reviews", "comment_up_to_80000_bytes", BUILDERS["shop.reviews"](comment="x" * 80_001)),
    ("tidemark.fraud_scores", "scored_at_between_2000_and_2100", a_score(scored_at=NOON.replace(year=9999))),
]


@pytest.mark.parametrize("topic", sorted(SILVER))
def test_each_bound_of_a_column_s_type_is_named(spark: SparkSession, topic: str) -> None:
    cases = [(rule, event) for of, rule, event in BOUNDED if of == topic]
    assert {rule for rule, _ in cases} < set(rules(SILVER[topic]))

    found = reasons(spark, topic, [framed(topic, event) for _, event in cases])

    assert found == [f"broken_rule:{rule}" for rule, _ in cases]


def test_ids_that_nothing_is_put_together_by_may_be_placeholders_and_words_of_cards_are_ids_of_others(
    spark: SparkSession,
) -> None:
    accepted = {
        "shop.orders": [
            an_order(customer_id="guest", session_id="null", placed_at=NOON + timedelta(minutes=9)),
            an_order(
                order_id="cash", items=[an_item(product_id="voucher", seller_id="pix")], placed_at=NOON - timedelta(days=9)
            ),
        ],
        "shop.clicks": [a_click(visitor_id="undefined", customer_id="null", device_id="unknown")],
        "shop.payments": [a_payment(order_id="null", customer_id="guest", seller_id="unknown", device_id="undefined")],
    }
    for topic, named in accepted.items():
        assert reasons(spark, topic, [framed(topic, event) for event in named]) == ["accepted"] * len(named)


def test_a_payment_whose_key_is_not_its_card_is_refused_save_where_it_has_no_card(spark: SparkSession) -> None:
    card, none, blank, method = (a_payment(card_id=card_id) for card_id in ("card1", "undefined", "\u3000", "boleto"))
    sent = [
        (card, b"card1"),
        (card, b"o1"),
        (card, None),
        (card, b"card1 "),
        (none, b"o1"),
        (method, None),
        (method, b"boleto"),
    ]
    values = [framed("shop.payments", event) for event, _ in sent]
    wrong = "broken_rule:key_is_card_id"
    assert reasons(spark, "shop.payments", values, [key for _, key in sent]) == [
        *("accepted", wrong, wrong, wrong),
        *("accepted", "accepted", "accepted"),
    ]
    assert reasons(spark, "shop.payments", [framed("shop.payments", blank)], [None]) == ["broken_rule:card_id_not_blank"]


@pytest.mark.parametrize("stamp_us", [-1000, -(2**53), 946_684_799_999_000, 4_102_444_800_000_000, 55_000 * 31_556_952_000_000])
def test_a_record_that_no_broker_has_stamped_is_archived_and_refused(spark: SparkSession, stamp_us: int) -> None:
    value = framed("shop.clicks", a_click())
    records = kafka_records(spark, "shop.clicks", [value]).withColumn("timestamp", F.timestamp_micros(F.lit(stamp_us)))
    assert refine(records, CONTRACTS["shop.clicks"], SILVER["shop.clicks"]).count() == 0
    archived = events.keep(records)
    assert (events.kept_ms(stamp_us // 1000), events.kept_ms(1_795_348_800_000)) == (0, 1_795_348_800_000)
    for source in (records, archived):
        [refused] = quarantine.refuse(source, CONTRACTS, REFINED).select("reason", "value").toArrow().to_pylist()
        assert (refused["reason"], refused["value"]) == ("no_arrival_time", value)
    [in_bronze] = archived.toArrow().to_pylist()
    assert (in_bronze["timestamp"], in_bronze["value"]) == (datetime(1970, 1, 1, tzinfo=UTC), value)


@pytest.mark.parametrize("wrong", [b"\xe3\xe3\xe3\xe3", b"ok\xe3"])
@pytest.mark.parametrize("event", [an_order(customer_city="0000"), an_order(items=[an_item(), an_item(category="0000")])])
def test_a_text_that_is_no_utf8_is_refused_wherever_it_is(spark: SparkSession, event: dict[str, Any], wrong: bytes) -> None:
    good = framed("shop.orders", event)
    bad = good.replace(b"\x080000", bytes([2 * len(wrong)]) + wrong)

    assert reasons(spark, "shop.orders", [good, bad]) == ["accepted", "broken_rule:texts_are_utf8"]


def test_clocks_far_ahead_or_before_the_shop_existed_are_refused(spark: SparkSession) -> None:
    moments = [NOON + timedelta(minutes=9), NOON + timedelta(minutes=11), NOON.replace(year=1970), NOON - timedelta(days=3000)]
    found = reasons(spark, "shop.clicks", [framed("shop.clicks", a_click(event_at=moment)) for moment in moments])
    assert found == ["accepted", "event_at_in_the_future", "event_at_before_2000", "accepted"]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60) | st.binary(max_size=60).map(lambda body: b"\x00\x00\x00\x00\x02" + body), min_size=60))
def test_any_bytes_end_in_silver_or_in_quarantine_and_stop_nothing(spark: SparkSession, values: list[bytes]) -> None:
    assert len(reasons(spark, "shop.orders", [*values])) == len(values)


def test_quarantine_keeps_the_record_as_it_came(spark: SparkSession) -> None:
    value = b"\x00\x00\x00\x00\x63garbage"
    [row] = quarantine.refuse(kafka_records(spark, "shop.payments", [value], offset=41), CONTRACTS, REFINED).collect()
    found = row.asDict()
    assert found == {
        "topic": "shop.payments",
        "partition": 0,
        "offset": 41,
        "timestamp": NOON.replace(tzinfo=None),
        "schema_id": 99,
        "reason": "unknown_schema_id",
        "key": b"key",
        "value": value,
    }
