"""Sessions: visitors with an intent look around, fill a cart, buy, hesitate, or only browse."""

from collections.abc import Callable

from simulator.shop.chance import DAY, HOUR, MINUTE, SECOND, cumulative
from simulator.shop.choice import Choice
from simulator.shop.exposures import Exposures
from simulator.shop.orders import Line, Orders
from simulator.shop.payments import Payer, Payments
from simulator.shop.people import People, Person, abroad
from simulator.shop.promotions import Promotions
from simulator.shop.stock import Stock
from simulator.shop.visit import Visit
from simulator.shop.visitors import SESSION_GAP, Visitors
from simulator.shop.world import CURRENCY, World

THINKING = 18.0  # seconds between two clicks at the median
HESITANT = 0.08  # share of those who do not buy that fill a cart all the same …
REMORSE = 0.4  # … of whom some empty it again …
RETURNING = 0.2  # … and some come back for it
FORGETFUL = 0.03  # share of buyers who come back the same day for something else
TRAVELLING = 0.03  # share of visits from outside the person's country
NEW_DEVICE = 0.06  # share of visits with a device never seen before
# Share of visits with a device of the one whom the visitor lives with (an assumption).
SHARED_DEVICE = 0.3
LOGGED_IN = 0.35
# A session that is recorded begins, of somebody who means to buy or not, which no event tells.
Arrival = Callable[[str, bool], None]
ELSEWHERE = 0.7  # share of visitors who look for another product when one is sold out


class Sessions:
    """Starts visits and leads each through its steps."""

    def __init__(
        self,
        world: World,
        people: People,
        visitors: Visitors,
        choice: Choice,
        exposures: Exposures,
        promotions: Promotions,
        stock: Stock,
        payments: Payments,
        orders: Orders,
        clicks_share: float,
        on_arrival: Arrival | None = None,
    ) -> None:
        self._world, self._people, self._visitors, self._choice = world, people, visitors, choice
        self._exposures = exposures
        self._promotions, self._stock, self._payments, self._orders = promotions, stock, payments, orders
        self._clicks_share, self._on_arrival = clicks_share, on_arrival
        self._chance = world.chance
        self._lines = cumulative(world.figures.orders.lines)
        self._pieces = cumulative(world.figures.orders.pieces)
        self._steps = {
            "view": self._view,
            "follow": self._follow,
            "elsewhere": self._look_elsewhere,
            "add": self._add,
            "remove": self._remove,
            "purchase": self._purchase,
        }
        world.agenda.knows("visit.step", self.step, Visit)
        world.agenda.knows("visit.again", self.come_again)

    def start(self, at: int, buying: bool) -> None:
        """Let somebody come, to buy or not; those who do not buy come only where clicks are
        recorded.
        """
        person = self._people.person(self._visitors.next(at, buying))
        tracked = not buying or self.is_tracked()
        visit = self._visit(person, tracked, self.buying_plan(tracked) if buying else self._looking_plan())
        visit.returning = not buying and "add" in visit.plan and self._chance.random() < RETURNING
        self.step(at, visit)

    def come_again(self, at: int, person: int) -> None:
        """Let a person who was here before buy now, or later when in the middle of another visit or
        the shop is closed.
        """
        if at >= self._world.opens_at and self._visitors.is_away(person, at):
            self._visitors.comes(person, at)
            tracked = self.is_tracked()
            self.step(at, self._visit(self._people.person(person), tracked, self.buying_plan(tracked)))
        else:
            self._world.agenda.plan(max(at, self._world.opens_at) + HOUR, "visit.again", person)

    def is_tracked(self) -> bool:
        """Decide whether a visitor lets their clicks be recorded."""
        return self._chance.random() < self._clicks_share

    def _visit(self, person: Person, tracked: bool, plan: list[str]) -> Visit:
        chance = self._chance
        device_id, visitor_id = self._device(person)
        session_id = self._world.name("session") if tracked else None
        if session_id is not None and self._on_arrival is not None:
            self._on_arrival(session_id, "purchase" in plan)
        return Visit(
            person=person.number,
            session_id=session_id,
            visitor_id=visitor_id,
            customer_id=person.customer_id if chance.random() < LOGGED_IN else None,
            device_id=device_id,
            channel="app" if chance.random() < person.app_share else "web",
            country=abroad(chance) if chance.random() < TRAVELLING else person.country,
            plan=plan,
            taste=person.taste,
        )

    def _device(self, person: Person) -> tuple[str, str]:
        """Return the device of a visit and the cookie on it, which is the visitor's own on a
        housemate's device, too.
        """
        if self._chance.random() < NEW_DEVICE:
            return self._world.name("device"), self._world.name("visitor")
        if person.housemate is not None and self._chance.random() < SHARED_DEVICE:
            theirs = self._people.person(person.housemate).devices[0]
            return theirs, f"visitor-{person.customer_id.removeprefix('customer-')}-home"
        device = person.devices[self._chance.below(len(person.devices))]
        return device, f"visitor-{device.removeprefix('device-')}"

    def buying_plan(self, tracked: bool) -> list[str]:
        """Return steps that end with a purchase of one or more lines."""
        plan: list[str] = []
        for _ in range(self._chance.pick(self._lines) + 1):
            plan += ["view"] * self._chance.count(3.0) if tracked else []
            plan.append("add")
        return [*plan, "purchase"]

    def _looking_plan(self) -> list[str]:
        views = ["view"] * self._chance.count(4.0)
        if self._chance.random() >= HESITANT:
            return views
        return [*views, "add", "view", "remove"] if self._chance.random() < REMORSE else [*views, "add", "view"]

    def step(self, at: int, visit: Visit) -> None:
        """Take the visit's next step and plan the one after it."""
        self._steps[visit.plan.pop(0)](at, visit)
        self._visitors.busy(visit.person, at)
        if visit.plan:
            self._world.agenda.plan(at + self._thinking(), "visit.step", visit)
        elif visit.returning:
            self._world.agenda.plan(at + int(self._chance.between(HOUR, 2 * DAY)), "visit.again", visit.person)

    def _thinking(self) -> int:
        return min(int(self._chance.spread(THINKING, 1.0) * SECOND), 25 * MINUTE)

    def _view(self, at: int, visit: Visit) -> None:
        if self._turns_to_list(at, visit, "product_page"):
            visit.plan.insert(0, "follow")
            return
        product = self._choice.next(visit, self._people.person(visit.person))
        visit.product = product.number
        self._click(at, visit, "view", product.number, 1)

    def _turns_to_list(self, at: int, visit: Visit, place: str) -> bool:
        chosen = self._exposures.clicked(at, visit, self._people.person(visit.person), place)
        visit.followed = -1 if chosen is None else chosen
        return chosen is not None

    def _follow(self, at: int, visit: Visit) -> None:
        """Look at the product of a list that was clicked, and buy it, too, when it is found much to
        one's taste.
        """
        won_over = self._exposures.is_won_over(visit, self._people.person(visit.person), visit.followed)
        visit.product = visit.followed
        self._click(at, visit, "view", visit.product, 1, visit.exposure_id)
        if won_over:
            if "purchase" in visit.plan:
                visit.plan[:0] = ["add", "view"] if visit.plan[0] == "add" else ["add"]
            else:
                visit.plan, visit.returning = ["add", "purchase"], False

    def _look_elsewhere(self, at: int, visit: Visit) -> None:
        visit.product = self._choice.neighbour(visit.product).number
        self._click(at, visit, "view", visit.product, 1)

    def _add(self, at: int, visit: Visit) -> None:
        """Put the product into the cart; when it is sold out, look at another one or leave it."""
        if visit.product < 0:
            visit.product = self._choice.next(visit, self._people.person(visit.person)).number
        product = self._world.catalogue.products[visit.product]
        if self._stock.has(product):
            self._into_cart(at, visit)
        elif visit.detours < 3 and visit.seller is None and self._chance.random() < ELSEWHERE:
            visit.detours += 1
            visit.plan[:0] = ["elsewhere", "add"]
        elif not visit.cart and "add" not in visit.plan:
            visit.plan.clear()

    def _into_cart(self, at: int, visit: Visit) -> None:
        product = self._world.catalogue.products[visit.product]
        if all(number != product.number for number, _ in visit.cart):
            wanted = self._chance.pick(self._pieces) + 1
            pieces = wanted if self._stock.has(product, wanted) else 1
            visit.cart.append([product.number, pieces])
            self._click(at, visit, "add_to_cart", product.number, pieces)
        visit.product = product.number if visit.session_id else -1

    def _remove(self, at: int, visit: Visit) -> None:
        if visit.cart:
            number, pieces = visit.cart.pop()
            self._click(at, visit, "remove_from_cart", number, pieces)

    def _purchase(self, at: int, visit: Visit) -> None:
        """Order what is in the cart and still in stock; what sold out meanwhile is left out."""
        if visit.cart and self._turns_to_list(at, visit, "cart"):
            visit.plan[:0] = ["follow", "purchase"]
            return
        lines = [self._line(number, pieces) for number, pieces in visit.cart if self._in_stock(number, pieces)]
        if not lines:
            return
        payer = self._payer(visit)
        visit.customer_id = payer.customer_id
        for product, _, pieces, _ in lines:
            self._click(at, visit, "purchase", product.number, pieces)
        self._orders.place(at, visit.person, visit.session_id, payer, lines)
        if payer.campaign is None:
            self._remember(at, visit.person)

    def _in_stock(self, number: int, pieces: int) -> bool:
        return self._stock.has(self._world.catalogue.products[number], pieces)

    def _line(self, number: int, pieces: int) -> Line:
        product = self._world.catalogue.products[number]
        return product, self._promotions.price(product), pieces, self._promotions.code(product.category)

    def _payer(self, visit: Visit) -> Payer:
        if visit.payer is not None:
            return Payer(**visit.payer)
        return self._payments.honest_payer(self._people.person(visit.person), visit.device_id, visit.channel, visit.country)

    def _remember(self, at: int, person: int) -> None:
        self._visitors.bought(person, at)
        if self._chance.random() < FORGETFUL:
            self._world.agenda.plan(at + SESSION_GAP + int(self._chance.between(0, 6 * HOUR)), "visit.again", person)

    def _click(self, at: int, visit: Visit, action: str, number: int, pieces: int, exposure_id: str | None = None) -> None:
        if visit.session_id is None:
            return
        visit.position += 1
        product = self._world.catalogue.products[number]
        record = {
            "event_id": self._world.name("click"),
            "event_at": at,
            "session_id": visit.session_id,
            "visitor_id": visit.visitor_id,
            "customer_id": visit.customer_id,
            "position": visit.position,
            "action": action,
            "product_id": product.product_id,
            "quantity": pieces,
            "price": self._promotions.price(product),
            "currency": CURRENCY,
            "channel": visit.channel,
            "device_id": visit.device_id,
            "country": visit.country,
            "exposure_id": exposure_id,
        }
        self._world.publish("shop.clicks", visit.session_id, at, record)
