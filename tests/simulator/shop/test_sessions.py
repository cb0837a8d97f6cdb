"""Devices of visits: own ones, new ones, and those of the people one lives with."""

from collections import defaultdict

from simulator.event import Event


def of_device(device_id: str) -> str:
    return device_id.removeprefix("device-").rpartition("-")[0]


def test_some_honest_payments_come_from_a_device_that_another_customers_card_paid_from(history: list[Event]) -> None:
    frauds = {e.key for e in history if e.topic == "shop.chargebacks" and e.record["fraud"]}
    cards: dict[str, set[str]] = defaultdict(set)
    told = []
    for event in history:
        if event.topic == "shop.payments":
            seen = cards[event.record["device_id"]]
            if event.record["payment_id"] not in frauds:
                told.append(bool(seen - {event.key}))
            seen.add(event.key)
    assert 0.05 < sum(told) / len(told) < 0.08


def test_whoever_uses_a_housemates_device_has_a_cookie_of_their_own_there(busy: list[Event]) -> None:
    visitors: dict[str, set[str]] = defaultdict(set)
    for event in busy:
        if event.topic == "shop.clicks":
            visitors[event.record["device_id"]].add(event.record["visitor_id"])
    shared = {device: there for device, there in visitors.items() if len(there) > 1}
    assert len(shared) > 10
    for device, there in shared.items():
        at_home = [visitor for visitor in there if visitor.endswith("-home")]
        assert len(at_home) == len(there) - 1 == 1
        assert of_device(device).removesuffix("m") == at_home[0].removeprefix("visitor-").removesuffix("-home").removesuffix("m")
