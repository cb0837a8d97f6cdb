"""Devices of visits: own ones, new ones, and those of the people one lives with."""

from collections import defaultdict

from simulator.event import Event


def home(device_or_visitor: str) -> str:
    """Return what the ids of a device and of a cookie have in common when their owners live
    together.
    """
    return device_or_visitor.partition("-")[2].rpartition("-")[0].removesuffix("m")


def test_some_honest_payments_come_from_a_device_from_which_somebody_else_paid(history: list[Event]) -> None:
    """Somebody else with any card, and anybody with another card: most people have a second one, or
    pay by transfer, too.
    """
    frauds = {e.key for e in history if e.topic == "shop.chargebacks" and e.record["fraud"]}
    customers: dict[str, set[str]] = defaultdict(set)
    cards: dict[str, set[str]] = defaultdict(set)
    shared = []
    for event in history:
        if event.topic == "shop.payments":
            card, customer, device = event.key, event.record["customer_id"], event.record["device_id"]
            if event.record["payment_id"] not in frauds:
                shared.append((bool(customers[device] - {customer}), bool(cards[device] - {card})))
            customers[device].add(customer)
            cards[device].add(card)
    by_others, by_another_card = (sum(one) / len(shared) for one in zip(*shared, strict=True))
    assert 0.025 < by_others < 0.05
    assert 0.08 < by_another_card < 0.12


def test_whoever_uses_a_housemates_device_has_a_cookie_of_their_own_there(busy: list[Event]) -> None:
    """Fraudsters' cookies and those of new devices, which are numbered through, are left out."""
    visitors: dict[str, set[str]] = defaultdict(set)
    for event in busy:
        if event.topic == "shop.clicks" and home(event.record["visitor_id"]):
            visitors[event.record["device_id"]].add(event.record["visitor_id"])
    shared = {device: there for device, there in visitors.items() if any(visitor.endswith("-home") for visitor in there)}
    assert len(shared) > 10
    for device, there in shared.items():
        assert {home(visitor) for visitor in there} == {home(device)}
        assert len(there) <= 2
    assert any(len(there) == 2 for there in shared.values())
