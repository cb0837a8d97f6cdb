"""An order that was packed is the order it was, in a few dozen bytes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.shop.catalogue import Catalogue
from simulator.shop.chance import DAY
from simulator.shop.order import CAMPAIGNS, Order, draft, item
from simulator.shop.packed_orders import packing
from simulator.shop.people import customer, person_of
from simulator.shop.promotions import codes
from simulator.shop.world import World

# Products whose numbers take two bytes, and categories that end in a digit.
CATALOGUE = Catalogue.invented(3, products=700, sellers=30)
WORLD = World(3, 0, CATALOGUE)
PACKING = packing(WORLD)


def an_order(
    number: int = 77,
    session: int | None = 70,
    person: int = 9,
    place: int = 0,
    placed_at: int = 1_767_571_200_000_001,
    days: int = 12,
    lines: tuple[tuple[int, int, int, int], ...] = ((0, 1, 1_990, 800),),
    code: str | None = None,
    version: int = 1,
    campaign: str | None = None,
) -> Order:
    """Return an order whose payment is through; a line is product, pieces, price and freight."""
    items: list[dict[str, Any]] = []
    for product, pieces, price, freight in lines:
        items.append(item(CATALOGUE, len(items) + 1, CATALOGUE.products[product], pieces, price, freight))
    session_id = None if session is None else WORLD.called("session", session)
    promised_at = (placed_at // DAY + days) * DAY
    order_id, buyer = WORLD.called("order", number), customer(CATALOGUE.tag, person)
    record = draft(CATALOGUE, order_id, buyer, place, session_id, placed_at, promised_at, items, code)
    record["version"] = version
    seller = CATALOGUE.sellers[CATALOGUE.products[lines[0][0]].seller]
    same = seller.state == CATALOGUE.places[place].state
    return Order(record, {}, [[line[0], line[1]] for line in lines], same, 0.0, campaign)


LINES = st.tuples(
    st.integers(0, len(CATALOGUE.products) - 1), st.integers(1, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)
)


@given(
    number=st.integers(2, 2**40 - 1),
    since=st.none() | st.integers(1, 2**32 - 1),
    person=st.integers(1 - 2**39, 2**39 - 1).filter(bool),
    place=st.integers(0, len(CATALOGUE.places) - 1),
    placed_at=st.integers(0, 2**60),
    days=st.integers(0, 2**16 - 1),
    lines=st.lists(LINES, min_size=1, max_size=30).map(tuple),
    code=st.none() | st.sampled_from(codes(CATALOGUE.categories)),
    version=st.integers(0, 15),
    campaign=st.none() | st.sampled_from(CAMPAIGNS),
)
def test_it_is_what_it_was(number: int, since: int | None, **more: Any) -> None:
    session = None if since is None or since >= number else number - since
    order = an_order(number=number, session=session, **more)
    assert PACKING.unpack(PACKING.pack(order)) == order


def test_what_concerned_its_payment_is_gone() -> None:
    order = an_order()
    paid = replace(order, payment={"method": "voucher"}, declined=0.04, attempts=2)
    assert PACKING.unpack(PACKING.pack(paid)) == order


@pytest.mark.parametrize(("lines", "size"), [(1, 41), (2, 53), (5, 89)])
def test_it_takes_29_bytes_and_12_for_each_line(lines: int, size: int) -> None:
    assert len(PACKING.pack(an_order(lines=((0, 1, 1_990, 800),) * lines))) == size


@pytest.mark.parametrize("tag", ["7", "-5", "olist"])
@given(number=st.integers(-(2**50), 2**50).filter(bool))
def test_a_customer_id_has_the_persons_number_in_it(tag: str, number: int) -> None:
    assert person_of(customer(tag, number)) == number
