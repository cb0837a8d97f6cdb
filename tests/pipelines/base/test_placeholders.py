"""Placeholders are no ids however they are written, and ids are none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ids import NO_ID, PLACEHOLDERS

from pipelines.base.placeholders import no_id

WORDS = [
    "undefined",
    "Undefined",
    "NULL",
    " null ",
    "<null>",
    "(none)",
    "nil",
    "n/a",
    "N/A",
    "N.A.",
    "na",
    "unknown",
    "UNKNOWN",
]
OTHERS = ["guest", "Anonymous", "boleto", "not set", "[object Object]"]
SIGNS = ["-", "?", "--", "", "  ", "0", "000", "0.0", "00000000-0000-0000-0000-000000000000"]
# Spaces, what has no width, Braille's and Hangul's empty letters, controls.
BLANKS = ["\u3000", "\u200b", "\ufeff", "\0", "\u2060", "\xad", "\u2800", "\u3164", "\x7f", "\u202f\u1680"]
IDS = ["card-1", "d0", "10", "0x1", "nullable", "unknown-device-7", "guest42", "na1", "ключ", "ü", "x" * 800, "-" * 800 + "x"]


@pytest.mark.parametrize("text", [*WORDS, *OTHERS, *SIGNS, *BLANKS, *(f"{blank}UNDEFINED{blank}" for blank in BLANKS)])
def test_a_placeholder_is_no_id(text: str) -> None:
    assert NO_ID(text)


@pytest.mark.parametrize("text", IDS)
def test_an_id_is_one(text: str) -> None:
    assert not NO_ID(text)


@given(st.sampled_from(PLACEHOLDERS), st.text("-_ /()[]<>.\"'\t", max_size=4), st.data())
def test_neither_case_nor_signs_around_a_word_make_an_id_of_it(word: str, signs: str, data: st.DataObject) -> None:
    written = "".join(data.draw(st.sampled_from([letter.lower(), letter.upper()])) for letter in word)
    assert NO_ID(signs + written + signs)


@given(st.text(st.characters(categories=["L", "Nd"], exclude_characters="0"), min_size=1))
def test_without_words_only_what_says_nothing_is_no_id(text: str) -> None:
    assert not no_id([])(text)
    assert no_id([])("0-0")
