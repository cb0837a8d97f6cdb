"""The shop as a whole: an endless, seeded stream of everything that happens in it."""

from collections.abc import Iterator
from typing import Any

from pipelines.base.errors import TidemarkError
from simulator.event import Event
from simulator.shop.catalogue import Catalogue
from simulator.shop.chance import DAY, HOUR, SECOND
from simulator.shop.choice import Choice
from simulator.shop.exposures import WON_OVER, Exposures, Offers
from simulator.shop.fraud import Fraud
from simulator.shop.orders import Orders
from simulator.shop.payments import Payments
from simulator.shop.people import People
from simulator.shop.promotions import Promotions
from simulator.shop.reviews import Reviews
from simulator.shop.rhythm import Rhythm
from simulator.shop.sessions import Arrival, Sessions
from simulator.shop.stock import Stock
from simulator.shop.taste import Taste
from simulator.shop.visitors import Visitors
from simulator.shop.world import World

BUYING = 0.07  # share of tracked visits that mean to buy
# Events per visit that means to buy and per visit that does not, promotions and returns included:
# measured over 80 days.
OTHERS_PER_BUYER = 8.1
CLICKS_PER_BUYER = 5.5
CLICKS_PER_LOOKER = 4.6
LOOKERS_PER_BUYER = (1 - BUYING) / BUYING
# With those of fraudsters and of buyers who come back; measured over 20 days.
ORDERS_PER_BUYER = 1.07
# Poisson processes: drawing the next anew changes nothing.
ARRIVALS = {"visit.arrive", "campaign.start", "stock.count"}
PUT_OFF = {"visit.again", "campaign.strike", "promotion.start"}


class ShopError(TidemarkError):
    """A shop was asked for something it cannot be."""


def buyers_per_s(rate: float, clicks_share: float) -> float:
    """Return how many visits that mean to buy make `rate` events per second in the long run."""
    return rate / _events_per_buyer(clicks_share)


def events_per_s(orders_per_day: float, clicks_share: float) -> float:
    """Return the rate of a shop with so many orders a day in the long run, all topics together."""
    return orders_per_day / ORDERS_PER_BUYER / (DAY / SECOND) * _events_per_buyer(clicks_share)


def _events_per_buyer(clicks_share: float) -> float:
    return OTHERS_PER_BUYER + clicks_share * (CLICKS_PER_BUYER + LOOKERS_PER_BUYER * CLICKS_PER_LOOKER)


class Shop:
    """One coherent shop.

    `rate` is the long-run mean of events per simulated second over all topics and over an ordinary
    week; a shop that has just opened is below it until its first orders are delivered and reviewed.
    `steady` switches the rhythm of day, week and season off. `clicks_share` is the share of visits
    whose clicks are recorded: visits that are not recorded and buy nothing are not simulated. What
    `offers` has for a session is shown to its visitor, and `won_over` says how much that sells.
    `on_arrival` learns of each session that is recorded whether its visitor means to buy. The same
    arguments, and the same offers, give the same events.
    """

    def __init__(
        self,
        seed: int,
        start: int,
        rate: float,
        catalogue: Catalogue | None = None,
        steady: bool = False,
        clicks_share: float = 1.0,
        offers: Offers | None = None,
        won_over: float = WON_OVER,
        on_arrival: Arrival | None = None,
    ) -> None:
        if rate <= 0 or not 0 <= clicks_share <= 1:
            raise ShopError(f"A shop needs a rate above 0 and a clicks share from 0 to 1, not {rate} and {clicks_share}.")
        self._terms = {"seed": seed, "start": start, "rate": rate, "steady": steady, "clicks_share": clicks_share}
        self._world = World(seed, start, catalogue or Catalogue.invented(seed))
        self._rhythm = Rhythm(self._world.figures, steady)
        self._buyers_per_s = buyers_per_s(rate, clicks_share)
        self._visits_per_s = self._buyers_per_s * (1 + clicks_share * LOOKERS_PER_BUYER)
        self._shows_lists = offers is not None
        self._staff(clicks_share, offers, won_over, on_arrival)
        self._open(start)

    def _staff(self, clicks_share: float, offers: Offers | None, won_over: float, on_arrival: Arrival | None) -> None:
        world = self._world
        self._promotions = Promotions(world)
        self._stock = Stock(world, self._buyers_per_s)
        self._people = People(world)
        self._visitors = Visitors(world, self._people)
        payments = Payments(world, self._people)
        self._orders = Orders(world, self._stock, payments, Reviews(world))
        taste = Taste(world.catalogue)
        self._sessions = Sessions(
            world,
            self._people,
            self._visitors,
            Choice(world, self._promotions, taste),
            Exposures(world, taste, offers, won_over),
            self._promotions,
            self._stock,
            payments,
            self._orders,
            clicks_share,
            on_arrival,
        )
        self._fraud = Fraud(world, self._people, self._visitors, self._sessions, self._orders, self._buyers_per_s)
        world.agenda.knows("visit.arrive", self._arrive)

    def _open(self, at: int) -> None:
        self._stock.open(at)
        self._promotions.open(at)
        self._expect_arrivals(at)

    def _expect_arrivals(self, at: int) -> None:
        self._stock.expect_count(at)
        self._fraud.expect_campaign(at)
        self._world.agenda.plan(self._next_arrival(at), "visit.arrive")

    def _arrive(self, at: int, _: None) -> None:
        buying = self._world.chance.random() * self._visits_per_s < self._buyers_per_s
        self._sessions.start(at, buying)
        self._world.agenda.plan(self._next_arrival(at), "visit.arrive")

    def _next_arrival(self, at: int) -> int:
        """Return when the next visitor comes: a Poisson process whose rate changes by the hour,
        hour after hour.
        """
        while True:
            per_s = self._visits_per_s * self._rhythm.factor(at) * self._promotions.lift
            then, change = at + self._world.chance.wait(per_s), (at // HOUR + 1) * HOUR
            if then < change:
                return then
            at = change

    def events(self) -> Iterator[Event]:
        """Yield everything that happens, in order of time, for ever."""
        world = self._world
        while True:
            while not world.out:
                world.now = world.agenda.happen()
            yield world.out.popleft()

    def snapshot(self) -> dict[str, Any]:
        """Return the shop between two events, as JSON can hold it."""
        return {
            "terms": self._terms,
            "shows_lists": self._shows_lists,
            "catalogue": self._world.catalogue.tag,
            "world": self._world.state(),
            "visitors": self._visitors.state(),
            "promotions": self._promotions.state(),
            "stock": self._stock.state(),
            "orders": self._orders.state(),
        }

    @classmethod
    def restore(
        cls,
        snapshot: dict[str, Any],
        *,
        start: int | None = None,
        rate: float | None = None,
        steady: bool | None = None,
        clicks_share: float | None = None,
        catalogue: Catalogue | None = None,
        offers: Offers | None = None,
        won_over: float = WON_OVER,
        on_arrival: Arrival | None = None,
    ) -> "Shop":
        """Return the shop of a snapshot, going on with exactly what would have come next.

        Any other term may be changed. With a later `start` the shop was closed in between: nobody
        came, but what was under way (deliveries, reviews, chargebacks) happened, and comes first.
        A busier shop is stocked up first. Raises ShopError when `catalogue` is not the one the
        snapshot was made with.
        """
        new = {"rate": rate, "steady": steady, "clicks_share": clicks_share}
        terms = {**snapshot["terms"], **{name: value for name, value in new.items() if value is not None}}
        shop = cls(**terms, catalogue=catalogue, offers=offers, won_over=won_over, on_arrival=on_arrival)
        shop._resume(snapshot)
        before = buyers_per_s(snapshot["terms"]["rate"], snapshot["terms"]["clicks_share"])
        shop._reopen(max(start or 0, shop._world.now), before)
        return shop

    def _resume(self, snapshot: dict[str, Any]) -> None:
        if snapshot["catalogue"] != self._world.catalogue.tag:
            tags = f"{snapshot['catalogue']}, not {self._world.catalogue.tag}"
            raise ShopError(f"The snapshot is of a shop with catalogue {tags}: restore it with its own catalogue.")
        self._world.resume(snapshot["world"])
        self._visitors.resume(snapshot["visitors"])
        self._promotions.resume(snapshot["promotions"])
        self._stock.resume(snapshot["stock"])
        self._orders.resume(snapshot["orders"])

    def _reopen(self, at: int, buyers_before: float) -> None:
        """Put off what waits for the shop to be open, and draw arrivals anew when the shop was
        closed or is busier.
        """
        world = self._world
        closed = at - world.now
        world.opens_at = max(at, world.opens_at)
        world.agenda.postpone(PUT_OFF, closed)
        if self._buyers_per_s > buyers_before:
            world.agenda.plan(at, "stock.prepare")
        if closed or self._buyers_per_s != buyers_before:
            world.agenda.cancel(ARRIVALS)
            self._expect_arrivals(at)
