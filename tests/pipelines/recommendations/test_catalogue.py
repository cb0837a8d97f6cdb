"""What orders and stock say of products: the newest order counts, the seller who holds the stock
sells, and what has not moved for long is not sold any more.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipelines.recommendations import catalogue
from pipelines.recommendations.catalogue import Lines

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LINE = pa.struct([(name, pa.string()) for name in ("product_id", "seller_id", "category")])
ORDERS = pa.schema([("event_at", pa.timestamp("us", "UTC")), ("items", pa.list_(LINE))])


def an_order(ago_days: float, **lines: tuple[str, str]) -> dict[str, Any]:
    items = [{"product_id": product, "category": of, "seller_id": by} for product, (of, by) in lines.items()]
    return {"event_at": NOW - timedelta(days=ago_days), "items": items}


def lines(*orders: dict[str, Any], at_once: int = 100) -> Lines:
    return catalogue.lines(pa.Table.from_pylist(list(orders), ORDERS).to_batches(max_chunksize=at_once))


def stock(*rows: tuple[str, int, int, float]) -> catalogue.Stock:
    """Return the stock of products with pieces on hand, pieces sold, and days since they moved."""
    made = [
        {"product_id": p, "seller_id": f"holds-{p}", "on_hand": hand, "sold": sold, "last_movement_at": NOW - timedelta(ago)}
        for p, hand, sold, ago in rows
    ]
    return catalogue.stock(pa.Table.from_pylist(made).to_batches()) if made else catalogue.stock([])


def test_the_newest_order_of_a_product_names_its_category_and_seller_in_whatever_order_they_are_read():
    old, new, empty = an_order(3, a=("toys", "s1"), b=("books", "s2")), an_order(1, a=("games", "s3")), an_order(0)
    for orders in ([old, new, empty], [new, empty, old]):
        for at_once in (1, 100):
            found = lines(*orders, at_once=at_once)
            assert found.category == {"a": "games", "b": "books"}
            assert found.seller == {"a": "s3", "b": "s2"}
    assert lines() == Lines({}, {})


def test_what_is_known_of_products_is_in_their_order_and_blank_where_nothing_is():
    held = stock(("a", 5, 2, 0), ("c", 0, 9, 100))
    found = catalogue.catalogue(["a", "b", "c", "d"], lines(an_order(1, a=("toys", "s1"), b=("books", "s2"))), held, 90)
    assert found.category == ["toys", "books", "", ""]
    assert found.seller == ["holds-a", "s2", "holds-c", ""]
    assert found.sold.tolist() == [True, True, False, True]


def test_out_of_stock_is_what_came_in_once_and_is_gone_and_not_sold_is_what_then_rests_for_long():
    held = stock(
        ("there", 3, 0, 200), ("out", 0, 4, 1), ("oversold", -1, 4, 0), ("without books", -4, 4, 0), ("gone", 0, 4, 91)
    )
    assert held.is_out.tolist() == [False, True, True, False, True]
    assert held.is_gone(90).tolist() == [False, False, False, False, True]
    assert stock().is_out.tolist() == stock().is_gone(90).tolist() == []
