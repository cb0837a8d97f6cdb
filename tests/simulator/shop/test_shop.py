"""The stream as a whole: seeded, ordered, at its rate, and taken up again where it stopped."""

import io
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import snapshot
from simulator.event import TOPICS, Event
from simulator.shop import Catalogue, Shop, ShopError

START = 1_767_571_200_000_000
HOUR = 3_600_000_000
DAY = 24 * HOUR
SMALL = Catalogue.invented(5, products=80, sellers=9)


def a_shop(seed: int = 5, start: int = START, rate: float = 20.0, **more: object) -> Shop:
    return Shop(seed, start, rate, catalogue=SMALL, **more)  # type: ignore[arg-type]


def take(shop: Shop, count: int) -> list[Event]:
    return list(islice(shop.events(), count))


def through_disk(shop: Shop) -> dict[str, object]:
    file = io.BytesIO()
    snapshot.dump(shop.snapshot(), file)
    file.seek(0)
    return snapshot.loaded(file)


def test_same_seed_start_and_rate_give_the_same_events() -> None:
    assert take(a_shop(), 5_000) == take(a_shop(), 5_000)


@pytest.mark.parametrize("other", [{"seed": 6}, {"start": START + 1}, {"rate": 21.0}])
def test_another_seed_start_or_rate_gives_others(other: dict[str, int]) -> None:
    assert take(a_shop(**other), 2_000) != take(a_shop(), 2_000)


@pytest.mark.parametrize("other", [{"seed": 6}, {"start": START + 1}])
def test_two_runs_share_no_event_id(other: dict[str, int]) -> None:
    first, second = ({event.record["event_id"] for event in take(shop, 3_000)} for shop in (a_shop(), a_shop(**other)))
    assert len(first) == len(second) == 3_000
    assert not first & second


def test_events_come_in_order_of_time(history: list[Event]) -> None:
    times = [event.at for event in history]
    assert times == sorted(times)
    assert times[0] >= START


def test_event_time_and_key_are_those_of_the_record(history: list[Event], busy: list[Event]) -> None:
    keys = {
        "shop.orders": "order_id",
        "shop.payments": "card_id",
        "shop.clicks": "session_id",
        "shop.inventory": "product_id",
        "shop.chargebacks": "payment_id",
        "shop.reviews": "order_id",
    }
    for event in history + busy:
        assert event.record["event_at"] == event.at
        assert event.record[keys[event.topic]] == event.key


def test_events_of_all_topics_come_but_exposures_where_no_lists_are_shown(history: list[Event], busy: list[Event]) -> None:
    assert {event.topic for event in history + busy} == set(TOPICS) - {"shop.exposures"}


def test_no_event_id_comes_twice(history: list[Event]) -> None:
    assert len({event.record["event_id"] for event in history}) == len(history)


def test_rate_holds_in_the_long_run_without_clicks(history: list[Event]) -> None:
    """From day 21 on, when orders of the first days are delivered; four standard deviations of
    campaigns and promotions.
    """
    late = [event for event in history if event.at >= START + 21 * DAY]
    assert len(late) / (14 * 86_400) == pytest.approx(0.085, rel=0.12)


def test_rate_holds_with_clicks(busy: list[Event]) -> None:
    """A shop of two days has shipped little: it is short of about a twelfth, the events that follow
    an order.
    """
    events = sum(event.at > START for event in busy)
    assert events / (2 * 86_400) == pytest.approx(0.93, rel=0.12)


def test_no_clicks_when_nobody_lets_them_be_recorded(history: list[Event]) -> None:
    assert not any(event.topic == "shop.clicks" for event in history)
    assert all(event.record["session_id"] is None for event in history if event.topic == "shop.orders")


def test_the_rhythm_can_be_switched_off() -> None:
    """Night and day of a Monday: as many clicks when steady, many times fewer at night
    otherwise.
    """

    def night_and_evening(steady: bool) -> tuple[int, int]:
        events = list(islice(a_shop(rate=0.3, steady=steady).events(), 26_000))
        hours = [(event.at - START) // HOUR for event in events if event.topic == "shop.clicks"]
        assert hours[-1] >= 23
        return sum(7 <= hour < 9 for hour in hours), sum(17 <= hour < 19 for hour in hours)

    night, evening = night_and_evening(steady=True)
    assert night == pytest.approx(evening, rel=0.25)
    night, evening = night_and_evening(steady=False)
    assert night < 0.3 * evening


@settings(max_examples=10)
@given(before=st.integers(0, 6_000), seed=st.integers(1, 5), clicks_share=st.sampled_from([0.0, 0.5, 1.0]))
def test_restored_shop_goes_on_with_what_would_have_come(before: int, seed: int, clicks_share: float) -> None:
    shop = a_shop(seed=seed, rate=2.0, clicks_share=clicks_share)
    take(shop, before)
    again = Shop.restore(through_disk(shop), catalogue=SMALL)
    assert take(again, 1_500) == take(shop, 1_500)


@settings(max_examples=10)
@given(pieces=st.lists(st.integers(1, 4_000), min_size=1, max_size=5), rate=st.sampled_from([0.003, 0.03, 2.0]))
def test_a_shop_that_is_saved_and_taken_up_again_anywhere_tells_what_one_that_never_stops_tells(
    pieces: list[int], rate: float
) -> None:
    """At the lowest rate 4,000 events take two weeks: every step of an order waits packed
    meanwhile.
    """
    shop, events = a_shop(rate=rate, clicks_share=0.1), []
    for count in pieces:
        events += take(shop, count)
        shop = Shop.restore(through_disk(shop), catalogue=SMALL)
    events += take(shop, 1_000)
    assert events == take(a_shop(rate=rate, clicks_share=0.1), len(events))


def test_what_was_under_way_happens_while_the_shop_is_closed() -> None:
    """Closed for a week: deliveries and reviews go on, nobody visits, then visitors come again."""
    shop = a_shop(rate=0.5, clicks_share=0.2)
    closed = last_of(shop, 40_000)
    events = take(Shop.restore(through_disk(shop), start=closed + 7 * DAY, catalogue=SMALL), 6_000)
    meanwhile = [event for event in events if event.at < closed + 7 * DAY]
    assert {"delivered", "shipped"} <= {event.record.get("status") for event in meanwhile}
    assert not any(event.record.get("status") == "placed" for event in meanwhile if event.at > closed + 6 * HOUR)
    assert any(event.record.get("status") == "placed" for event in events)
    assert [event.at for event in events] == sorted(event.at for event in events)


def last_of(shop: Shop, count: int) -> int:
    return take(shop, count)[-1].at


def test_a_quiet_history_and_a_busy_run_are_one_shop() -> None:
    """The live run reuses no id, knows the customers of the history, and is stocked for its demand
    before it sells.
    """
    shop = Shop(5, START, 0.02, catalogue=SMALL, clicks_share=0.0)
    past = take(shop, 8_000)
    live = take(Shop.restore(through_disk(shop), rate=50.0, steady=True, clicks_share=1.0, catalogue=SMALL), 30_000)
    assert not {event.record["event_id"] for event in past} & {event.record["event_id"] for event in live}
    cards = {event.key for event in past if event.topic == "shop.payments"}
    paid = [event.key for event in live if event.topic == "shop.payments"]
    assert sum(card in cards for card in paid) > 0.05 * len(paid)
    duration = (live[-1].at - past[-1].at) / 1_000_000
    assert len(live) / duration > 25
    sold = sum(-event.record["quantity"] for event in live if event.record.get("kind") == "sale")
    stocked = sum(event.record["quantity"] for event in live[:500] if event.record.get("kind") == "restock")
    assert stocked > sold > 0


def test_frauds_begin_soon_after_a_busier_reopening() -> None:
    """The next campaign of the quiet shop was days away: a shop a thousand times busier must not
    wait for it.
    """
    shop = Shop(5, START, 0.01, catalogue=SMALL, clicks_share=0.0)
    take(shop, 3_000)
    live = Shop.restore(through_disk(shop), rate=10.0, catalogue=SMALL)
    names = [name for _, _, name, _ in live.snapshot()["world"]["agenda"]["tasks"]]
    assert names.count("campaign.start") == names.count("visit.arrive") == 1
    due = next(at for at, _, name, _ in live.snapshot()["world"]["agenda"]["tasks"] if name == "campaign.start")
    assert due - live.snapshot()["world"]["now"] < 6 * HOUR


def test_a_snapshot_of_another_catalogue_is_refused() -> None:
    with pytest.raises(ShopError, match="restore it with its own catalogue"):
        Shop.restore(through_disk(a_shop()), catalogue=Catalogue.invented(99, products=80, sellers=9))


@pytest.mark.parametrize("terms", [{"rate": 0.0}, {"clicks_share": 1.5}])
def test_impossible_terms_are_refused(terms: dict[str, float]) -> None:
    with pytest.raises(ShopError, match="needs a rate above 0"):
        a_shop(**terms)
