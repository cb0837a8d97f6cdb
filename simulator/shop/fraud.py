"""Fraud campaigns: groups of purchases by one hand, hidden among the purchases of honest people.

No field of a payment gives a fraud away: fraudsters buy ordinary products at ordinary prices,
mostly through Brazilian addresses and partly with known devices, while honest people travel, change
devices, retry and buy dear things as well, and those who live together lend each other cards and
devices. What gives them away is the relation to what card, device, account and seller did before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.shop.chance import HOUR, MINUTE, Chance, cumulative
from simulator.shop.order import CAMPAIGNS
from simulator.shop.orders import Orders
from simulator.shop.payments import UNLOCATED, Payer, anywhere
from simulator.shop.people import People, Person, abroad
from simulator.shop.sessions import Sessions
from simulator.shop.visit import Visit
from simulator.shop.visitors import Visitors
from simulator.shop.world import World

SHARE = 0.01  # of all payments
PAYMENTS_PER_CAMPAIGN = 5.3  # measured over all campaigns
PAYMENTS_PER_ORDER = 1.05  # measured over honest orders
KINDS = dict(zip(CAMPAIGNS, (0.20, 0.28, 0.20, 0.32), strict=True))  # share of campaigns
TESTED_AND_USED = 0.25  # share of tested cards that are used for more afterwards
AT_HOME = 0.68  # share of fraudsters who come through a Brazilian address


@dataclass(slots=True)
class Strike:
    """One purchase of a campaign: the payer, whose person is robbed, and how products are
    chosen.
    """

    person: int
    payer: dict[str, Any]
    taste: float
    care: int
    seller: int | None = None


class Fraud:
    """Starts campaigns at random times and carries their strikes out through the shop's ordinary
    checkout.
    """

    def __init__(
        self, world: World, people: People, visitors: Visitors, sessions: Sessions, orders: Orders, orders_per_s: float
    ) -> None:
        self._world, self._people, self._visitors = world, people, visitors
        self._sessions, self._orders = sessions, orders
        self._chance: Chance = world.chance
        self._campaigns: dict[str, Callable[[int], None]] = {name: getattr(self, name) for name in KINDS}
        self._sums = cumulative(list(KINDS.values()))
        self._per_s = orders_per_s * PAYMENTS_PER_ORDER * SHARE / PAYMENTS_PER_CAMPAIGN
        world.agenda.knows("campaign.start", self.start)
        world.agenda.knows("campaign.strike", self.strike, Strike)

    def expect_campaign(self, at: int) -> None:
        """Plan the next campaign."""
        self._world.agenda.plan(at + self._chance.wait(self._per_s), "campaign.start")

    def start(self, at: int, _: None) -> None:
        """Start a campaign and plan the next."""
        list(self._campaigns.values())[self._chance.pick(self._sums)](at)
        self.expect_campaign(at)

    def card_testing(self, at: int) -> None:
        """Try many stolen numbers on cheap things from one or two devices, fast or slowly; some are
        used in earnest later.
        """
        accounts, devices = self._accounts(2), self._devices(2)
        pace = self._chance.spread(4 * MINUTE, 1.2)
        for _ in range(self._chance.count(7)):
            at += int(self._chance.between(0.2, 1.8) * pace)
            victim = self._victim(known=0.4)
            payer = self._payer(victim, "card_testing", self._country(), accounts, devices)._replace(declined=0.3)
            self._plan(at, Strike(victim.number, payer._asdict(), self._chance.between(0, 0.35), 3))
            if self._chance.random() < TESTED_AND_USED:
                self._use(at + int(self._chance.between(1, 48) * HOUR), victim)

    def stolen_card(self, at: int) -> None:
        """Buy with one stolen card until it is blocked."""
        self._use(at, self._victim(known=0.75))

    def _use(self, at: int, victim: Person) -> None:
        accounts, devices, country = self._accounts(1), self._devices(2), self._country()
        pace = self._chance.spread(40 * MINUTE, 0.9)
        for _ in range(self._chance.count(3.5)):
            payer = self._payer(victim, "stolen_card", country, accounts, devices)._replace(declined=0.2)
            self._plan(at, Strike(victim.number, payer._asdict(), self._chance.between(0.35, 1), 2))
            at += int(self._chance.between(0.3, 2) * pace)

    def compromised_seller(self, at: int) -> None:
        """Charge people who bought from a seller before once more through that seller, as if they
        had come back.
        """
        if not self._orders.recent:
            return
        _, seller = self._orders.recent[self._chance.below(len(self._orders.recent))]
        customers = list(dict.fromkeys(person for person, at_seller in self._orders.recent if at_seller == seller))
        for number in customers[-self._chance.count(7) :]:
            victim = self._people.person(number)
            own = [victim.devices[0]] if self._chance.random() < 0.5 else self._devices(1)
            payer = self._payer(victim, "compromised_seller", victim.country, [victim.customer_id], own)
            self._plan(at, Strike(number, payer._asdict(), 0.5, 1, seller))
            at += int(self._chance.between(0.1, 1.5) * 5 * HOUR)

    def account_takeover(self, at: int) -> None:
        """Log in as somebody who bought before and shop on their card, to another address."""
        victim = self._victim(known=1.0)
        devices, country = self._devices(1), self._country()
        for _ in range(self._chance.count(2.5)):
            payer = self._payer(victim, "account_takeover", country, [victim.customer_id], devices)
            self._plan(at, Strike(victim.number, payer._asdict(), self._chance.between(0.3, 1), 2))
            at += int(self._chance.between(0.1, 1.5) * HOUR)

    def _victim(self, known: float) -> Person:
        """Return somebody to rob: a past buyer with probability `known`, or the holder of a card
        the shop never saw.
        """
        past = self._visitors.past_buyer() if self._chance.random() < known else None
        return self._people.person(past if past is not None else self._visitors.newcomer())

    def _accounts(self, count: int) -> list[str]:
        return [self._people.person(self._visitors.newcomer()).customer_id for _ in range(count)]

    def _devices(self, count: int) -> list[str]:
        return [self._world.name("device") for _ in range(count)]

    def _country(self) -> str:
        return "BR" if self._chance.random() < AT_HOME else abroad(self._chance)

    def _payer(self, victim: Person, campaign: str, country: str, accounts: list[str], devices: list[str]) -> Payer:
        chance = self._chance
        latitude, longitude = self._position(victim, country)
        return Payer(
            card_id=victim.cards[0],
            customer_id=accounts[chance.below(len(accounts))],
            method="credit_card" if chance.random() < 0.97 else "debit_card",
            channel="app" if chance.random() < 0.45 else "web",
            device_id=devices[chance.below(len(devices))],
            country=country,
            latitude=latitude,
            longitude=longitude,
            place=victim.place if chance.random() < 0.4 else self._people.person(self._visitors.newcomer()).place,
            authenticated=0.12,
            declined=0.08,
            campaign=campaign,
        )

    def _position(self, victim: Person, country: str) -> tuple[float | None, float | None]:
        """Return where the address seems to be: near the victim, in another Brazilian city, abroad,
        or unknown.
        """
        chance = self._chance
        if chance.random() < UNLOCATED:
            return None, None
        if country != "BR":
            return anywhere(chance)
        near = chance.random() < 0.45
        home = victim if near else self._people.person(self._visitors.newcomer())
        return round(home.latitude + chance.gauss(0, 0.1), 4), round(home.longitude + chance.gauss(0, 0.1), 4)

    def _plan(self, at: int, strike: Strike) -> None:
        self._world.agenda.plan(at, "campaign.strike", strike)

    def strike(self, at: int, strike: Strike) -> None:
        """Come to the shop as the payer and buy."""
        tracked = self._sessions.is_tracked()
        visit = Visit(
            person=strike.person,
            session_id=self._world.name("session") if tracked else None,
            visitor_id=self._world.name("visitor"),
            customer_id=strike.payer["customer_id"],
            device_id=strike.payer["device_id"],
            channel=strike.payer["channel"],
            country=strike.payer["country"],
            plan=self._sessions.buying_plan(tracked),
            taste=strike.taste,
            care=strike.care,
            seller=strike.seller,
            payer=strike.payer,
        )
        self._sessions.step(at, visit)
