"""Honest people lend their cards: somebody else's name on a card does not mean fraud."""

from collections.abc import Iterator

import pytest

from simulator.event import Event

Paid = tuple[str, str]  # a card and the customer who paid with it


@pytest.fixture(scope="module")
def again(history: list[Event]) -> list[tuple[Paid, str]]:
    """Honest payments with a card that paid before, and who paid with it first."""
    frauds = {e.key for e in history if e.topic == "shop.chargebacks" and e.record["fraud"]}
    return list(_again(history, frauds))


def _again(history: list[Event], frauds: set[str]) -> Iterator[tuple[Paid, str]]:
    first: dict[str, str] = {}
    for event in history:
        if event.topic == "shop.payments":
            card, customer = event.key, event.record["customer_id"]
            if card in first and event.record["payment_id"] not in frauds:
                yield (card, customer), first[card]
            first.setdefault(card, customer)


def holder(card: str) -> str:
    return f"customer-{card.removeprefix('card-').removeprefix('account-').rpartition('-')[0]}"


def test_a_few_honest_payments_with_a_known_card_are_by_another_customer_than_its_first(again: list[tuple[Paid, str]]) -> None:
    """Borrowed cards, and own ones that were lent before their holder used them here."""
    others = [(card, customer) for (card, customer), first in again if customer != first]
    assert 0.03 < len(others) / len(again) < 0.05
    borrowed = sum(holder(card) != customer for card, customer in others)
    assert 0.1 * len(others) < borrowed < len(others)


def test_only_cards_are_lent_and_only_at_home(history: list[Event]) -> None:
    """All but victims of fraud: whose account pays by transfer or voucher is the one who buys."""
    frauds = {e.key for e in history if e.topic == "shop.chargebacks" and e.record["fraud"]}
    # By then the bank has not found all frauds.
    late = max(event.at for event in history) - 7 * 86_400_000_000
    lent = 0
    for event in history:
        if event.topic == "shop.payments" and event.at < late and event.record["payment_id"] not in frauds:
            borrowed = holder(event.key) != event.record["customer_id"]
            assert not (borrowed and event.key.startswith("account-"))
            lent += borrowed and holder(event.key).removesuffix("m") == event.record["customer_id"].removesuffix("m")
    assert lent > 100
