"""Values as readers see them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dashboards.look import formats

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0.9, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (90000, "1 d")],
)
def test_an_age_has_one_unit(seconds: float, text: str) -> None:
    assert formats.age(seconds) == text


def test_ago_knows_clocks_that_run_ahead() -> None:
    assert formats.ago(NOW - timedelta(seconds=2), NOW) == "2 s ago"
    assert formats.ago(NOW + timedelta(seconds=2), NOW) == "0 s ago"
    assert formats.ago(NOW + timedelta(hours=3), NOW) == "3 h ahead"
    assert formats.ago(None, NOW) == formats.NOTHING


def test_amounts_carry_their_currency() -> None:
    assert formats.amount(Decimal("1234.5"), "BRL") == "R$ 1,234.50"
    assert formats.rounded(Decimal("1234.5"), "CHF") == "CHF 1,234"


def test_counts_and_ratios() -> None:
    assert [formats.count(n) for n in (None, 0, 12345, 1_250_000)] == [formats.NOTHING, "0", "12,345", "1.25 M"]
    assert formats.percent(0.0312, 2) == "3.12 %"
    assert formats.percent(None) == formats.NOTHING
    assert [formats.milliseconds(ms) for ms in (None, 181.6, 12_345)] == [formats.NOTHING, "182 ms", "12 s"]


def test_ids_are_shortened_and_names_become_words() -> None:
    assert formats.short("0ffa668f-ff1b-baf4") == "…f1b-baf4"
    assert formats.short("p1") == "p1"
    assert formats.words("amount_above_usual") == "amount above usual"


def test_a_change_needs_something_before() -> None:
    assert formats.change(104, 100) == "▲ 4 %"
    assert formats.change(50, 100) == "▼ 50 %"
    assert formats.change(50, 0) is None
