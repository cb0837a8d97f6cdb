"""Payments: who pays with what, declined attempts and retries, and what the bank says days
later.
"""

import json
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, NamedTuple

from simulator.shop.chance import DAY, SECOND, Chance, cumulative
from simulator.shop.order import Order
from simulator.shop.people import People, Person
from simulator.shop.slots import Packing
from simulator.shop.world import CURRENCY, World

CARDS = {"credit_card", "debit_card"}
USUAL = 0.85  # share of payments with the person's usual method and card
# Share of card payments with the card of the one whom the buyer lives with. It rests on who does it
# at all: 23 % of Brazil's consumers within a year, mostly with cards of parents and spouses (CNDL,
# SPC Brasil and Sebrae, 2021).
BORROWED = 0.15
AUTHENTICATED = 0.28  # share of card payments with 3-D Secure
DECLINED = 0.04  # share of honest attempts the bank declines
UNLOCATED = 0.05  # share of payments whose address has no known position
DISPUTED = 0.004  # share of honest card payments disputed, and cleared
FOUND = ("payment_id", "card_id", "fraud", "reason", "amount", "currency")
REPORTED = 0.97  # share of frauds that the bank ever finds


class Payer(NamedTuple):
    """Everything about a payment that does not come from the basket; `campaign` names the fraud, if
    it is one.
    """

    card_id: str
    customer_id: str
    method: str
    channel: str
    device_id: str
    country: str
    latitude: float | None
    longitude: float | None
    place: int
    authenticated: float = AUTHENTICATED
    declined: float = DECLINED
    campaign: str | None = None


@dataclass(slots=True)
class Finding:
    """What the bank will say about a payment."""

    record: dict[str, Any]


def _packed(finding: Finding) -> bytes:
    return json.dumps(list(finding.record.values()), separators=(",", ":")).encode()


def _unpacked(packed: bytes) -> Finding:
    return Finding(dict(zip(FOUND, json.loads(packed), strict=True)))


class Payments:
    """Makes payment attempts and plans the chargebacks that follow from them."""

    def __init__(self, world: World, people: People) -> None:
        self._world, self._people = world, people
        figures = world.figures.payments
        self._methods, self._method_sums = list(figures.methods), cumulative(list(figures.methods.values()))
        self._bands = figures.installment_bands
        self._installments = [cumulative(shares) for shares in figures.installments]
        world.agenda.knows("bank.finding", self.report, Finding, Packing(_packed, _unpacked))

    def honest_payer(self, person: Person, device_id: str, channel: str, country: str) -> Payer:
        """Return how this person pays this time: mostly as usual, sometimes otherwise."""
        chance = self._world.chance
        usual = chance.random() < USUAL
        method = person.method if usual else self._methods[chance.pick(self._method_sums)]
        card = person.cards[0 if usual else chance.below(len(person.cards))]
        card_id = self._or_housemates(card, person) if method in CARDS else f"account-{card.removeprefix('card-')}"
        latitude, longitude = self._position(person, country)
        return Payer(card_id, person.customer_id, method, channel, device_id, country, latitude, longitude, person.place)

    def _or_housemates(self, card: str, person: Person) -> str:
        if person.housemate is None or self._world.chance.random() >= BORROWED:
            return card
        return self._people.person(person.housemate).cards[0]

    def _position(self, person: Person, country: str) -> tuple[float | None, float | None]:
        chance = self._world.chance
        if chance.random() < UNLOCATED:
            return None, None
        if country != person.country:
            return anywhere(chance)
        wide = 4.0 if chance.random() < 0.06 else 0.08
        return round(person.latitude + chance.gauss(0, wide), 4), round(person.longitude + chance.gauss(0, wide), 4)

    def request(self, order: dict[str, Any], payer: Payer) -> dict[str, Any]:
        """Return the part of the payment record that all attempts to pay this order record
        share.
        """
        items = order["items"]
        amount = sum(item["price"] * item["quantity"] + item["freight"] for item in items)
        return {
            "order_id": order["order_id"],
            "card_id": payer.card_id,
            "customer_id": payer.customer_id,
            "seller_id": max(items, key=_line_total)["seller_id"],
            "method": payer.method,
            "installments": self._number_of_installments(payer.method, amount),
            "amount": amount,
            "currency": CURRENCY,
            "channel": payer.channel,
            "device_id": payer.device_id,
            "country": payer.country,
            "latitude": payer.latitude,
            "longitude": payer.longitude,
            "three_d_secure": self._world.chance.random() < payer.authenticated if payer.method in CARDS else None,
        }

    def _number_of_installments(self, method: str, amount: int) -> int:
        if method != "credit_card":
            return 1
        band = min(bisect_left(self._bands, amount), len(self._bands) - 1)
        return self._world.chance.pick(self._installments[band]) + 1

    def attempt(self, at: int, order: Order) -> bool:
        """Make one attempt and return whether the bank accepted it."""
        order.attempts += 1
        accepted = self._world.chance.random() >= order.declined
        numbered = {"payment_id": self._world.name("payment"), "attempt_number": order.attempts}
        record: dict[str, Any] = {"event_id": self._world.name("attempt"), "event_at": at, **order.payment, **numbered}
        self._world.publish("shop.payments", record["card_id"], at, record)
        self._foresee(at, record, accepted, order.campaign)
        return accepted

    def _foresee(self, at: int, payment: dict[str, Any], accepted: bool, campaign: str | None) -> None:
        """Plan what the bank finds: most frauds after two to six days, and a few disputes that are
        cleared.
        """
        chance = self._world.chance
        if campaign is not None and chance.random() < REPORTED:
            self._plan_finding(at, payment, 2, 6, campaign, payment["amount"] if accepted else 0)
        elif campaign is None and accepted and payment["method"] in CARDS and chance.random() < DISPUTED:
            self._plan_finding(at, payment, 2, 12, "dispute_cleared", 0)

    def _plan_finding(self, at: int, payment: dict[str, Any], first: float, last: float, reason: str, amount: int) -> None:
        found = (payment["payment_id"], payment["card_id"], reason != "dispute_cleared", reason, amount, CURRENCY)
        record = dict(zip(FOUND, found, strict=True))
        self._world.agenda.plan(at + int(self._world.chance.between(first, last) * DAY), "bank.finding", Finding(record))

    def report(self, at: int, finding: Finding) -> None:
        """Publish a chargeback."""
        record: dict[str, Any] = {"event_id": self._world.name("chargeback"), "event_at": at, **finding.record}
        self._world.publish("shop.chargebacks", record["payment_id"], at, record)


def _line_total(item: dict[str, Any]) -> int:
    total: int = item["price"] * item["quantity"]
    return total


def anywhere(chance: Chance) -> tuple[float, float]:
    """Return a position somewhere on the inhabited part of the globe."""
    return round(chance.between(-40, 55), 4), round(chance.between(-120, 60), 4)


def soon(chance: Chance, low: float, high: float) -> int:
    """Return microseconds for something that takes `low` to `high` seconds."""
    return int(chance.between(low, high) * SECOND)
