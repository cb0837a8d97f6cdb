"""Lists that are shown, looked down, clicked, and that sell by how much is liked what they show."""

import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema
from fastavro.validation import validate

from simulator import snapshot
from simulator.cli import LISTS_PER_EVENT, rate_of_shop
from simulator.event import Event
from simulator.shop import Catalogue, Shop
from simulator.shop.exposures import Exposures, Offer
from simulator.shop.people import People, person_of
from simulator.shop.taste import Taste
from simulator.shop.visit import Visit
from simulator.shop.world import World

START = 1_767_571_200_000_000
SMALL = Catalogue.invented(5, products=80, sellers=9)
SCHEMA = Path(__file__).resolve().parents[3] / "conf" / "schemas" / "shop.exposures.avsc"

Lists = Callable[[str], list[str]]


class Made:
    """Offers a new list at every question, which `products` makes from the session's id."""

    def __init__(self, products: Lists, variant: str = "session") -> None:
        self._products, self._variant = products, variant

    def newer(self, session_id: str, shown: str | None, exposure_id: str) -> Offer | None:
        products = self._products(session_id)
        return Offer(f"recommendation-{exposure_id}", products, [self._variant] * len(products), self._variant, "3")


def popular(_: str) -> list[str]:
    return [product.product_id for product in sorted(SMALL.products, key=lambda product: -product.weight)[:10]]


def a_shop(lists: Lists = popular, variant: str = "session", **more: Any) -> Shop:
    return Shop(5, START, 20.0, catalogue=SMALL, steady=True, offers=Made(lists, variant), **more)


def take(shop: Shop, count: int) -> list[Event]:
    return list(islice(shop.events(), count))


def of(topic: str, events: list[Event]) -> list[dict[str, Any]]:
    return [event.record for event in events if event.topic == topic]


def test_exposures_fit_their_schema_and_name_list_page_and_variant() -> None:
    shown = of("shop.exposures", take(a_shop(), 4_000))
    assert len(shown) > 500
    schema = parse_schema(json.loads(SCHEMA.read_text()))
    for record in shown:
        assert validate(record, schema, strict=True)
        assert record["recommendation_id"] == f"recommendation-{record['event_id']}"
        assert (record["variant"], record["model_version"]) == ("session", "3")
        assert record["products"] == popular("")
    assert {record["place"] for record in shown} == {"product_page", "cart"}


def test_what_is_clicked_on_a_list_is_looked_at_and_higher_places_are_clicked_more() -> None:
    """Every product is at every place as often: what is left is the place. They are products that
    hardly anybody finds alone.
    """

    def turned(session_id: str) -> list[str]:
        rare = [product.product_id for product in sorted(SMALL.products, key=lambda product: product.weight)[:10]]
        turn = int(session_id[-2:], 16) % 10
        return [*rare[turn:], *rare[:turn]]

    places: Counter[int] = Counter()
    newest: dict[str, list[str]] = {}
    for event in take(a_shop(turned), 60_000):
        if event.topic == "shop.exposures":
            newest[event.key] = event.record["products"]
        elif event.topic == "shop.clicks" and event.record["product_id"] in (products := newest.pop(event.key, [])):
            places[products.index(event.record["product_id"])] += 1
    assert places[0] + places[1] > 1.3 * (places[8] + places[9])


def test_lists_are_about_as_many_as_the_rate_asked_for_leaves_room_for() -> None:
    assert rate_of_shop(130, shows_lists=True) == pytest.approx(130 / (1 + LISTS_PER_EVENT))
    assert rate_of_shop(130, shows_lists=False) == 130
    topics = Counter(event.topic for event in take(a_shop(), 20_000))
    lists = topics.pop("shop.exposures")
    assert LISTS_PER_EVENT <= lists / topics.total() < 2 * LISTS_PER_EVENT  # here each look has a new one, at once


def test_a_click_on_a_list_names_it_and_no_other_click_does() -> None:
    lists, named = {}, 0
    for event in take(a_shop(), 20_000):
        if event.topic == "shop.exposures":
            lists[event.record["event_id"]] = event.record
        elif event.topic == "shop.clicks" and (exposure_id := event.record["exposure_id"]) is not None:
            named += 1
            shown = lists.pop(exposure_id)  # each list is clicked once
            assert event.record["session_id"] == shown["session_id"]
            assert event.record["product_id"] in shown["products"]
            assert event.record["event_at"] >= shown["event_at"]
    assert named > 50
    assert all(record["exposure_id"] is None for record in of("shop.clicks", take(a_shop(lambda _: []), 2_000)))


def test_a_visitor_who_sees_no_list_is_in_the_experiment_and_an_empty_list_is_not_shown() -> None:
    without = of("shop.exposures", take(a_shop(lambda _: [], "none"), 4_000))
    assert without
    assert all(record["products"] == [] for record in without)
    assert of("shop.exposures", take(a_shop(lambda _: []), 4_000)) == []


def test_unknown_products_are_shown_and_never_clicked() -> None:
    events = take(a_shop(lambda _: ["product-of-another-shop"]), 4_000)
    assert of("shop.exposures", events)
    assert {record["product_id"] for record in of("shop.clicks", events)} <= {p.product_id for p in SMALL.products}


@pytest.mark.parametrize("other", [{"payer": {"card_id": "card-1"}}, {"session_id": None}])
def test_fraudsters_and_those_who_refuse_to_be_tracked_see_no_list(other: dict[str, Any]) -> None:
    world = World(5, START, SMALL)
    exposures, person = Exposures(world, Taste(SMALL), Made(popular)), People(world).person(1)
    visit = Visit(1, "session-1", "visitor-1", None, "device-1", "web", "BR", [], taste=0.5)
    for _ in range(20):
        exposures.clicked(START, visit, person, "product_page")
    assert world.out
    world.out.clear()
    for _ in range(20):
        assert exposures.clicked(START, replace(visit, **other), person, "product_page") is None
    assert not world.out


def conversion(events: list[Event]) -> float:
    """Return the share of sessions that buy."""
    bought: dict[str, bool] = defaultdict(bool)
    for record in of("shop.clicks", events):
        bought[record["session_id"]] |= record["action"] == "purchase"
    return sum(bought.values()) / len(bought)


def by_taste(best: bool) -> Lists:
    """Return what makes lists of what a session's visitor likes most, or least: an oracle, which
    looks the person up.
    """
    people, taste = People(World(5, START, SMALL)), Taste(SMALL)
    ranked: dict[int, list[str]] = {}

    def lists(session_id: str) -> list[str]:
        person = visitors.get(session_id)
        if person is None:
            return []
        if person not in ranked:
            order = sorted(SMALL.products, key=lambda p: taste.liking(people.person(person), p.number, 0.5), reverse=best)
            ranked[person] = [product.product_id for product in order[:10]]
        return ranked[person]

    visitors: dict[str, int] = {}
    lists.visitors = visitors  # type: ignore[attr-defined]
    return lists


def sold(lists: Lists, won_over: float) -> float:
    """Return the conversion of a shop that shows these lists."""
    shop, visitors = a_shop(lists, won_over=won_over), getattr(lists, "visitors", {})
    events = []
    for event in islice(shop.events(), 60_000):
        events.append(event)
        if event.topic == "shop.clicks" and event.record["visitor_id"].count("-") > 1:
            visitors[event.key] = person_of(f"customer-{event.record['visitor_id'].split('-')[2].removesuffix('-home')}")
    return conversion(events)


def test_lists_of_what_is_liked_sell_and_lists_of_what_is_not_sell_nothing() -> None:
    nothing, worst, best = sold(lambda _: [], 1.0), sold(by_taste(best=False), 1.0), sold(by_taste(best=True), 1.0)
    assert best > 1.3 * nothing
    assert worst == pytest.approx(nothing, rel=0.1)


def test_without_being_won_over_lists_change_what_is_looked_at_and_not_who_buys() -> None:
    assert sold(by_taste(best=True), 0.0) == pytest.approx(sold(lambda _: [], 0.0), rel=0.1)


def test_the_same_offers_give_the_same_events_and_a_restored_shop_goes_on_with_them() -> None:
    shop = a_shop()
    first = take(shop, 3_000)
    assert first == take(a_shop(), 3_000)
    file = io.BytesIO()
    snapshot.dump(shop.snapshot(), file)
    file.seek(0)
    again = Shop.restore(snapshot.loaded(file), catalogue=SMALL, offers=Made(popular))
    assert take(again, 3_000) == take(shop, 3_000)
