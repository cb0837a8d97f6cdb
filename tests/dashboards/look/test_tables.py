"""Tables: what their cells say, what they are sorted by, and what stands above them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dashboards.cache import Answer
from dashboards.look import tables
from dashboards.look.messages import empty

Shown = Callable[[Any], str]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TORN = Answer[Any](None, None, "Trino does not answer.", NOW)


def test_reasons_are_words_and_begin_with_what_was_not_known() -> None:
    names = ["amount_above_usual", "new_seller", "burst"]
    assert tables.reasons(names, degraded=False)["text"] == "amount above usual, new seller"
    assert tables.reasons(names, degraded=True, shown=1)["text"] == "degraded, amount above usual"


def test_cells_are_sorted_by_their_values_and_not_by_their_words() -> None:
    ages = [tables.age(NOW - timedelta(seconds=s), NOW) for s in (59, 60, 7200)]
    amounts = [tables.amount(Decimal(a), "BRL") for a in ("9.50", "10.00", "1234.50")]
    ratios = [tables.ratio(r) for r in (0.02, 0.1)]
    for cells in (ages, amounts, ratios):
        assert sorted(cells, key=lambda cell: cell["value"]) == cells
        assert sorted(cells, key=lambda cell: cell["text"]) != cells


@pytest.mark.parametrize(
    ("rows", "answer", "words"),
    [
        ([tables.row("a", name=tables.cell("a", "a"))], Answer([1], NOW), ""),
        ([], Answer([], NOW), "Nothing yet."),
        ([], TORN, "Since 12:00:00 UTC: Trino does not answer."),
    ],
)
def test_above_a_table_stands_what_is_wrong_or_else_what_is_missing(
    shown: Shown, rows: list[Any], answer: Answer[Any], words: str
) -> None:
    filled = tables.filled(rows, answer, empty("Nothing yet."))
    assert (filled.rows, shown(filled.remark)) == (rows, words)


def test_a_column_shows_the_text_of_its_cell_and_is_sorted_by_the_value() -> None:
    columns = (tables.Column("amount", "Amount", 80, drawn_as="number", roomy=True),)
    card = tables.table("paid", "Paid", columns)
    (drawn,) = card["paid-rows"].columnDefs
    assert (drawn["headerName"], drawn["field"]) == ("Amount", "amount.value")
    assert drawn["valueFormatter"] == {"function": "params.data.amount.text"}
    assert drawn["context"] == {"roomy": True}
    assert {output.component_id for output in tables.outputs("paid")} <= set(card)
