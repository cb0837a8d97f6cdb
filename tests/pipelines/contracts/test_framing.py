"""Whole numbers and headers are written as Avro and Confluent's clients write them."""

import io

import pytest
from fastavro import schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts import framing


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_a_long_is_written_as_fastavro_does_and_read_back(number: int, before: bytes, behind: bytes) -> None:
    expected = io.BytesIO()
    schemaless_writer(expected, "long", number)
    encoded = framing.long(number)
    assert encoded == expected.getvalue()
    assert framing.read_long(before + encoded + behind, len(before)) == (number, len(before) + len(encoded))


def test_a_long_that_is_cut_off_is_an_error() -> None:
    with pytest.raises(IndexError):
        framing.read_long(b"\x80", 0)


def test_the_header_is_a_zero_byte_and_four_big_endian_bytes() -> None:
    assert framing.header(0x01020304) == b"\x00\x01\x02\x03\x04"
    assert len(framing.header(0)) == framing.HEADER_BYTES
