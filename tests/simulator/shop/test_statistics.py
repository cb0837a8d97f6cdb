"""What the shop tells is close to what was fitted to Olist."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from simulator.event import Event
from simulator.shop import Catalogue
from simulator.shop.catalogue import zipf, zipf_exponent
from simulator.shop.statistics import statistics

FITTED = statistics()


def placed(events: list[Event]) -> list[dict[str, Any]]:
    return [e.record for e in events if e.topic == "shop.orders" and e.record["status"] == "placed"]


def shares(values: list[Any]) -> dict[Any, float]:
    return {value: count / len(values) for value, count in Counter(values).items()}


def test_category_shares(history: list[Event]) -> None:
    """Promotions move demand about by the week and people have favourites: three tenths, for
    categories of 2 % and more.
    """
    found = shares([item["category"] for order in placed(history) for item in order["items"]])
    for category in FITTED.categories:
        if category.share >= 0.02:
            assert found[category.name] == pytest.approx(category.share, rel=0.3)


def test_median_price(history: list[Event]) -> None:
    """Only 2,400 products carry the price distribution, some of them on promotion: a quarter."""
    middle = len(FITTED.categories[0].prices) // 2
    expected = sum(c.share * c.prices[middle] for c in FITTED.categories) / sum(c.share for c in FITTED.categories)
    found = np.median([item["price"] for order in placed(history) for item in order["items"]])
    assert found == pytest.approx(expected, rel=0.25)


def test_payment_methods(history: list[Event]) -> None:
    """Habits of people average to the mix; fraud and retries add cards."""
    found = shares([e.record["method"] for e in history if e.topic == "shop.payments" and e.record["attempt_number"] == 1])
    for method, share in FITTED.payments.methods.items():
        assert found[method] == pytest.approx(share, abs=0.015)


def test_hour_of_the_day(history: list[Event]) -> None:
    """Four whole weeks: the hours of the day are as busy as fitted, within sampling error of a
    thousand orders each.
    """
    expected = np.array(FITTED.week).reshape(7, 24).mean(axis=0)
    hours = np.array([(order["placed_at"] // 3_600_000_000 - 3) % 24 for order in placed(history)])
    found = np.bincount(hours, minlength=24) / len(hours) * 24
    assert np.corrcoef(found, expected)[0, 1] > 0.98


def test_weekday(history: list[Event]) -> None:
    """Saturdays and Sundays are the quietest days at Olist, and here; in five weeks either may be
    the quieter.
    """
    days = Counter(((order["placed_at"] - 3 * 3_600_000_000) // 86_400_000_000 + 3) % 7 for order in placed(history))
    assert set(sorted(days, key=lambda day: days[day])[:2]) == {5, 6}


def test_states_of_customers(history: list[Event]) -> None:
    total = sum(place.customers for place in FITTED.places)
    found = shares([order["customer_state"] for order in placed(history)])
    for state in ("SP", "RJ", "MG"):
        expected = sum(place.customers for place in FITTED.places if place.state == state) / total
        assert found[state] == pytest.approx(expected, rel=0.1)


def test_lines_and_pieces(history: list[Event]) -> None:
    orders = placed(history)
    assert np.mean([len(o["items"]) == 1 for o in orders]) == pytest.approx(FITTED.orders.lines[0], abs=0.015)
    pieces = [item["quantity"] for order in orders for item in order["items"]]
    assert np.mean([count == 1 for count in pieces]) == pytest.approx(FITTED.orders.pieces[0], abs=0.02)


def test_review_scores(history: list[Event]) -> None:
    """Olist's mean is 4.09 with undelivered orders, 4.16 without; late deliveries are as bad as
    there.
    """
    scores = [e.record["score"] for e in history if e.topic == "shop.reviews"]
    assert np.mean(scores) == pytest.approx(4.1, abs=0.2)
    assert set(scores) == {1, 2, 3, 4, 5}


def test_days_from_order_to_delivery(history: list[Event]) -> None:
    """Olist's median is 10.2 days. Five weeks see only the first three weeks' orders through."""
    cut = min(e.at for e in history) + 14 * 86_400_000_000
    days = [
        (e.at - e.record["placed_at"]) / 86_400_000_000
        for e in history
        if e.topic == "shop.orders" and e.record["status"] == "delivered" and e.record["placed_at"] < cut
    ]
    assert np.median(days) == pytest.approx(10.2, rel=0.2)


@pytest.mark.parametrize(
    ("key", "expected"), [("product_id", FITTED.orders.product_top_tenth), ("seller_id", FITTED.orders.seller_top_tenth)]
)
def test_keys_are_skewed(key: str, expected: float, history: list[Event]) -> None:
    """The busiest tenth of products and sellers sells about what it does at Olist: ranks are dealt
    by category, and taste, stock-outs and the chance of who sells the favourites move it by up to a
    tenth of all lines.
    """
    counts = sorted(Counter(item[key] for order in placed(history) for item in order["items"]).values(), reverse=True)
    assert sum(counts[: len(counts) // 10]) / sum(counts) == pytest.approx(expected, abs=0.12)


@pytest.mark.parametrize("top_tenth", [0.2, 0.5, 0.8])
def test_zipf_exponent_gives_the_top_tenth_its_share(top_tenth: float) -> None:
    weights = zipf(500, zipf_exponent(500, top_tenth))
    assert sum(weights[:50]) / sum(weights) == pytest.approx(top_tenth)


def test_some_cards_pay_very_often(history: list[Event]) -> None:
    """Coming back in proportion to what one bought gives a long tail: most cards pay once or twice,
    a few ten times.
    """
    counts = Counter(e.key for e in history if e.topic == "shop.payments")
    assert np.median(list(counts.values())) <= 2
    assert max(counts.values()) >= 10


def test_invented_catalogue_follows_the_fitted_shares() -> None:
    catalogue = Catalogue.invented(3)
    assert catalogue.shares == pytest.approx([category.share for category in FITTED.categories])
    assert len({product.product_id for product in catalogue.products}) == len(catalogue.products)
    assert catalogue.products == Catalogue.invented(3).products != Catalogue.invented(4).products


def test_neighbours_on_a_shelf_cost_alike() -> None:
    for shelf in Catalogue.invented(3).shelves:
        prices = [product.price for product in shelf.products]
        assert prices == sorted(prices)
