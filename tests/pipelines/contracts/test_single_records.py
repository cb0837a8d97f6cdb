"""Single records are decoded as far as they can be, and nothing else comes of any bytes."""

from random import Random

import pytest
from builders import BUILDERS, GIVEN, NOON, a_contract, framed
from extreme_records import records
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.single_records import decoder

TOPICS = sorted(BUILDERS)


@pytest.mark.parametrize("topic", TOPICS)
def test_an_event_has_its_values_and_times_are_numbers(topic: str) -> None:
    event = decoder(a_contract(topic))(framed(topic, BUILDERS[topic]()))
    assert event is not None
    assert event.keys() == BUILDERS[topic]().keys() - GIVEN.keys()
    assert event["event_at"] == round(NOON.timestamp() * 1_000_000)


@given(st.binary(max_size=40), st.sampled_from(TOPICS), st.integers(1, 3))
def test_any_bytes_are_an_event_or_none(body: bytes, topic: str, schema_id: int) -> None:
    decode = decoder(a_contract(topic))
    assert decode(body) is None or body[:4] == b"\0\0\0\0"
    event = decode(b"\0\0\0\0" + bytes([schema_id]) + body)
    assert event is None or "event_id" in event


@pytest.mark.parametrize("topic", TOPICS)
def test_records_as_extreme_as_the_contract_allows_are_decoded(topic: str) -> None:
    decode = decoder(a_contract(topic))
    drawn = records(Random(7), topic, 300)  # noqa: S311 - no secret
    assert [number for number, value in enumerate(drawn) if decode(value) is None] == []


@pytest.mark.parametrize(
    "value", [None, b"", b"no event", b"\0\0\0\0\x63", b"\0\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"]
)
def test_what_is_no_event_is_none(value: bytes | None) -> None:
    assert decoder(a_contract("shop.reviews"))(value) is None
