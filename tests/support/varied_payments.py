"""Payments of a few cards for which every feature has something to tell, and what is known of the
sellers they pay.

All but the cards' past lies within one hour, for which what is known of sellers is that of one
moment.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zlib import crc32

import numpy as np
import pyarrow as pa
from builders import a_payment
from ids import NO_ID
from payment_batches import PAYMENTS

from pipelines.base.arrays import DAY_US, Records
from pipelines.fraud import training_data
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.feature_set import AMOUNT_Z
from pipelines.fraud.features.labels import labels
from pipelines.fraud.features.seller_fold import learn
from pipelines.fraud.features.seller_state import SELLER_RECORD, new_sellers

RUN = uuid4().hex
CARDS = [f"{RUN}-card{n}" for n in range(10)]
SELLERS = [f"{RUN}-seller{n}" for n in range(3)]
# Payments from ten to seventy minutes past this hour are told what was known of their sellers when
# it began.
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
DAYS, LABEL_DELAY_DAYS = 40, 7
PARTITIONS = 2  # of shop.payments in conf/local.toml
FINDING = pa.struct([("found_at", pa.timestamp("us", "UTC")), ("fraud", pa.bool_())])
FOUND = pa.schema({"fraud": pa.bool_(), "campaign": pa.string(), "findings": pa.list_(FINDING)})
HISTORY = pa.unify_schemas([PAYMENTS, FOUND, pa.schema({"kafka_at": pa.timestamp("us", "UTC")})])

Event = dict[str, Any]
random = np.random.default_rng(7)


def one_of(*values: Any) -> Any:
    return values[random.integers(len(values))]


def device(card: str, turn: int) -> str:
    """Return the device of a card's turn: cards of one partition take turns with theirs.

    Across partitions it is not certain what a payment is told of its device. librdkafka chooses
    partitions by CRC-32.
    """
    if card not in CARDS:
        return f"{card}-device"
    partition = [each for each in CARDS if crc32(each.encode()) % PARTITIONS == crc32(card.encode()) % PARTITIONS]
    return f"{RUN}-device-of-{partition[(partition.index(card) + turn) % len(partition)]}"


DEVICES = [device(card, 0) for card in CARDS]


def a_varied_payment(number: int, card: str, seller: str, event_at: datetime, turn: int) -> Event:
    """Build a payment that differs from the card's others in whatever a feature looks at; now and
    then its device, seller or customer has no id.
    """
    name, located = f"{RUN}-{number}", bool(random.random() < 0.7)
    place = {"latitude": random.uniform(-60, 60), "longitude": random.uniform(-180, 180)} if located else {}
    where = {"country": one_of("BR", "PT", "AR"), **place}
    how = {"method": one_of("credit_card", "debit_card", "boleto", "pix"), "channel": one_of("web", "app")}
    more = {"installments": one_of(1, 3, 10), "attempt_number": one_of(1, 1, 2), "three_d_secure": one_of(None, True, False)}
    what = {"amount": Decimal(int(random.lognormal(8, 1.5)) + 1) / 100, "currency": one_of("BRL", "BRL", "EUR")}
    paying = one_of("undefined", "NULL", "000-000") if number % 13 == 5 else device(card, turn)
    who = {"customer_id": one_of("customer0", "customer1", "guest"), "device_id": paying}
    paid = "n/a" if number % 11 == 5 else seller
    ids = {"event_id": name, "payment_id": name, "card_id": card, "seller_id": paid, "event_at": event_at}
    return a_payment(**ids, **where, **how, **more, **what, **who)


@dataclass
class Made:
    """The payments of this run: sales that only the batch knows, each card's past, and rounds of
    payments within an hour.
    """

    number: int = 0

    def pay(self, card: str, seller: str, event_at: datetime, turn: int = 0) -> Event:
        self.number += 1
        return a_varied_payment(self.number, card, seller, event_at, turn)

    def sales(self) -> list[Event]:
        """Return payments by which the sellers are known, some of them found to be fraud two days
        later.
        """
        moments = [HOUR - timedelta(days=random.uniform(0.1, DAYS)) for _ in range(60)]
        made = [self.pay(f"{RUN}-other{n % 7}", one_of(*SELLERS), at) for n, at in enumerate(sorted(moments))]
        return [{**each, "findings": self._findings(each["event_at"] + timedelta(days=2))} for each in made]

    def _findings(self, found_at: datetime) -> list[Event]:
        return [{"found_at": found_at, "fraud": True}] if random.random() < 0.3 else []

    def past(self) -> list[Event]:
        """Return six payments of each card within 40 days, each to a seller of its own, of whom
        nothing is known.
        """
        moments = {card: sorted(HOUR - timedelta(days=random.uniform(0.1, DAYS)) for _ in range(6)) for card in CARDS}
        for late in moments.values():
            late[2], late[3] = late[3], late[2]
        return [self.pay(card, f"{RUN}-past{self.number}", moments[card][n], n // 2) for n in range(6) for card in CARDS]

    def round(self, number: int, of_each: int = 1) -> list[Event]:
        """Return payments of every card within the hour, many of them earlier than one of the round
        before.
        """
        return [
            self.pay(card, one_of(*SELLERS), HOUR + timedelta(minutes=11 + 5 * number + random.uniform(0, 25)), number + turn)
            for turn in range(of_each)
            for card in CARDS
        ]


def table(events: list[Event]) -> pa.Table:
    """Return payments in order of arrival, as training reads them."""
    known = {"fraud": False, "campaign": "", "findings": []}
    return pa.Table.from_pylist([{**known, "kafka_at": n, **each} for n, each in enumerate(events)], HISTORY)


def known_of_sellers(sales: pa.Table) -> Records:
    """Return what was known of SELLERS at HOUR, as the hourly step publishes it (SELLER_RECORD)."""
    _, records, features = training_data.fold_cards(sales)
    delay_us, hour_us = LABEL_DELAY_DAYS * DAY_US, int(HOUR.timestamp()) * 1_000_000
    known, of = labels(records["at_us"], features[:, AMOUNT_Z], payment_records.findings(sales), delay_us)
    fresh = known["known_us"] < hour_us
    names, seller_of = payment_records.sellers(sales, NO_ID)
    seller_of = np.array([*map(SELLERS.index, names), payment_records.NOBODY])[seller_of]
    states, made = new_sellers(len(SELLERS)), np.zeros(len(SELLERS), SELLER_RECORD)
    learn(states, seller_of, records, seller_of[of[fresh]], known[fresh], delay_us)
    made["after_us"], made["after"] = hour_us, states
    return made
