"""Stock: never below zero, the sum of its movements, and what is sold out is not sold."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.event import Event
from simulator.shop.catalogue import Catalogue
from simulator.shop.stock import Stock
from simulator.shop.world import World


def movements_of(events: list[Event]) -> list[Event]:
    return [event for event in events if event.topic == "shop.inventory"]


@pytest.mark.parametrize("run", ["history", "busy"])
def test_levels_never_fall_below_zero(run: str, request: pytest.FixtureRequest) -> None:
    levels: dict[str, int] = defaultdict(int)
    for event in movements_of(request.getfixturevalue(run)):
        levels[event.key] += event.record["quantity"]
        assert levels[event.key] >= 0


def test_nobody_puts_a_sold_out_product_into_the_cart(busy: list[Event]) -> None:
    levels: dict[str, int] = defaultdict(int)
    seen_empty = 0
    for event in busy:
        if event.topic == "shop.inventory":
            levels[event.key] += event.record["quantity"]
        elif event.topic == "shop.clicks":
            empty = levels[event.record["product_id"]] == 0
            seen_empty += empty
            assert not (empty and event.record["action"] in {"add_to_cart", "purchase"})
    assert seen_empty > 100


def test_every_piece_ordered_is_a_sale(busy: list[Event]) -> None:
    ordered: dict[tuple[str, str], int] = defaultdict(int)
    for event in busy:
        if event.topic == "shop.orders" and event.record["status"] == "placed":
            for item in event.record["items"]:
                ordered[event.key, item["product_id"]] += item["quantity"]
    sold = {(e.record["order_id"], e.key): -e.record["quantity"] for e in movements_of(busy) if e.record["kind"] == "sale"}
    assert sold == dict(ordered)


def test_pieces_come_back_only_from_their_order_and_once(history: list[Event]) -> None:
    sold: dict[tuple[str, str], int] = {}
    for event in movements_of(history):
        line = (event.record["order_id"], event.key)
        if event.record["kind"] == "sale":
            sold[line] = -event.record["quantity"]
        elif event.record["kind"] == "return":
            assert event.record["quantity"] == sold.pop(line)


def test_all_kinds_of_movements_happen(history: list[Event]) -> None:
    assert {event.record["kind"] for event in movements_of(history)} == {"sale", "restock", "return", "correction"}


def test_restocks_arrive_after_a_lead_time() -> None:
    world = World(1, 0, Catalogue.invented(1, products=60, sellers=5))
    stock = Stock(world, orders_per_s=0.01)
    stock.open(0)
    product = max(world.catalogue.products, key=lambda p: p.weight)
    while stock.has(product):
        stock.sell(0, product, 1, "order")
    while not stock.has(product):
        world.now = world.agenda.happen()
    lead = world.catalogue.sellers[product.seller].lead_days * 86_400_000_000
    assert 0.5 * lead <= world.now <= 1.7 * lead


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5), st.booleans()), max_size=60), st.floats(1e-5, 1.0))
def test_level_is_the_sum_of_movements(steps: list[tuple[int, int, bool]], orders_per_s: float) -> None:
    """Whatever is sold, brought back or delivered in between, `has` answers from the sum of the
    movements told.
    """
    world = World(2, 0, Catalogue.invented(2, products=30, sellers=3))
    stock = Stock(world, orders_per_s)
    stock.open(0)
    stock.expect_count(0)
    for number, pieces, back in steps:
        product = world.catalogue.products[number]
        if back:
            stock.take_back(world.now, number, pieces, "order")
        elif stock.has(product, pieces):
            stock.sell(world.now, product, pieces, "order")
        world.now = world.agenda.happen()
    for product in world.catalogue.products:
        level = sum(event.record["quantity"] for event in world.out if event.key == product.product_id)
        assert stock.state()["levels"][product.number] == level >= 0
        assert stock.has(product, level)
        assert not stock.has(product, level + 1)
