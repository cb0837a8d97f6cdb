"""Which currency amounts are shown in."""

from dashboards.currencies import main_currency


def test_the_main_currency_has_the_largest_count_in_all() -> None:
    assert main_currency([("EUR", 3), ("BRL", 2), ("BRL", 2)]) == "BRL"


def test_of_equal_counts_it_is_always_the_same() -> None:
    assert main_currency([("EUR", 1), ("BRL", 1)]) == main_currency([("BRL", 1), ("EUR", 1)])


def test_without_anything_counted_there_is_none() -> None:
    assert main_currency([]) == ""
