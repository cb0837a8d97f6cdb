"""Lists of products that are shown to visitors, and what visitors do with them.

A list comes into a visitor's view or not; they look down it place by place, and turn away with the
same chance after each: the position-based click model (N. Craswell et al., An Experimental
Comparison of Click Position-Bias Models, WSDM 2008). What is looked at is clicked by how much it is
wanted: by taste, and because it is of the category that is looked at. Without lists a visitor buys
what they came for, at Olist's rates; a product that was met on a list makes them put one more into
the cart, or buy although they only meant to look, if they want it more than what they find alone: a
list that shows no better than what is found without it sells nothing.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

from simulator.shop.people import Person
from simulator.shop.taste import Taste
from simulator.shop.visit import Visit
from simulator.shop.world import World

# Share of lists that come into a visitor's view: only these are exposures (an assumption, like all
# that follow).
NOTICED = 0.5
GOES_ON = 0.8  # share of places after which the next one is looked at, too
# A product is clicked, once looked at, by the logistic function of how much it is wanted plus this.
RELUCTANCE = -5.5
# What is of the category that is looked at now is wanted more, to click on and to buy.
INTEREST = 1.0
# Mean and deviation of how much visitors want what they find alone, measured over 20,000 views.
FOUND, FOUND_SPREAD = 1.35, 0.88
WON_OVER = 0.1  # share of clicks on the best liked products that lead to a purchase
NO_LIST = "none"  # the variant of visitors who are in the experiment and see no list


class Offer(NamedTuple):
    """A list for a session: products best first, the team that put each on it, and who made it."""

    recommendation_id: str
    products: Sequence[str]
    teams: Sequence[str]
    variant: str
    model_version: str | None


class Offers(Protocol):
    """Where the newest list of a session comes from."""

    def newer(self, session_id: str, shown: str | None, exposure_id: str) -> Offer | None:
        """Return the newest list of a session, None where there is none but the one that was
        `shown`; `exposure_id` is the event that will tell of it, and no other question's.
        """


class Exposures:
    """Shows lists to visitors; without `offers` there is nothing to show, and no chance is
    drawn.
    """

    def __init__(self, world: World, taste: Taste, offers: Offers | None, won_over: float = WON_OVER) -> None:
        self._world, self._taste, self._offers, self._won_over = world, taste, offers, won_over
        self._chance = world.chance

    def clicked(self, at: int, visit: Visit, person: Person, place: str) -> int | None:
        """Show a visitor the newest list of the session, if it comes into view and was not shown
        before, and return the number of the product they turn to, None for none.
        """
        if self._offers is None or visit.session_id is None or visit.payer is not None:
            return None
        if self._chance.random() >= NOTICED:
            return None
        exposure_id = self._world.name("exposure")
        offer = self._offers.newer(visit.session_id, visit.shown, exposure_id)
        if offer is None:
            return None
        visit.shown = offer.recommendation_id
        if not offer.products and offer.variant != NO_LIST:
            return None
        visit.exposure_id = exposure_id
        self._publish(exposure_id, at, visit, place, offer)
        return self._look_down(visit, person, [self._numbers.get(product_id, -1) for product_id in offer.products])

    def is_won_over(self, visit: Visit, person: Person, number: int) -> bool:
        """Decide whether a product met on a list is bought by somebody who did not mean to; the
        visit is still at the product looked at before.
        """
        standing = (self.wanted(visit, person, number) - FOUND) / FOUND_SPREAD
        better = math.erf(standing / math.sqrt(2))  # share of what is found alone that it beats, -1 to 1
        return self._chance.random() < self._won_over * better

    def wanted(self, visit: Visit, person: Person, number: int) -> float:
        """Return how much a visitor wants a product now: by taste, and by what they look for."""
        products = self._world.catalogue.products
        near = visit.product >= 0 and products[number].category == products[visit.product].category
        return self._taste.liking(person, number, visit.taste) + INTEREST * near

    def _look_down(self, visit: Visit, person: Person, numbers: Sequence[int]) -> int | None:
        for number in numbers:
            if number >= 0 and self._chance.random() < self._attraction(visit, person, number):
                return number
            if self._chance.random() >= GOES_ON:
                return None
        return None

    def _attraction(self, visit: Visit, person: Person, number: int) -> float:
        if number == visit.product or any(number == inside for inside, _ in visit.cart):
            return 0.0
        return 1 / (1 + math.exp(-RELUCTANCE - self.wanted(visit, person, number)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {product.product_id: product.number for product in self._world.catalogue.products}

    def _publish(self, exposure_id: str, at: int, visit: Visit, place: str, offer: Offer) -> None:
        record = {
            "event_id": exposure_id,
            "event_at": at,
            "session_id": visit.session_id,
            "visitor_id": visit.visitor_id,
            "place": place,
            "recommendation_id": offer.recommendation_id,
            "products": list(offer.products),
            "teams": list(offer.teams),
            "variant": offer.variant,
            "model_version": offer.model_version,
        }
        self._world.publish("shop.exposures", str(visit.session_id), at, record)
