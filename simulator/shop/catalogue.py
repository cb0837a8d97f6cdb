"""What the shop sells, who sells it and where people live."""

from dataclasses import dataclass, field
from functools import cached_property

from simulator.shop.chance import Chance, at_quantile, cumulative
from simulator.shop.statistics import Category, Place, Statistics, statistics

PRODUCTS = 2_400
SELLERS = 240


@dataclass(frozen=True, slots=True)
class Seller:
    """Who ships; `lead_days` is what a delivery from the maker usually takes."""

    seller_id: str
    state: str
    lead_days: float


@dataclass(frozen=True, slots=True)
class Product:
    """An article: `price` in cents, `weight` its share of demand, `bulk` in 0..1 how dear its
    freight is.
    """

    number: int
    product_id: str
    category: int
    seller: int
    price: int
    weight: float
    bulk: float


@dataclass(frozen=True)
class Shelf:
    """The products of one category, cheapest first, so that neighbours are alike."""

    name: str
    products: list[Product]

    @cached_property
    def sums(self) -> list[float]:
        """Running sums of the products' weights."""
        return cumulative([product.weight for product in self.products])


@dataclass(frozen=True)
class Catalogue:
    """Products, sellers and places; `tag` is in the ids of its customers."""

    tag: str
    products: list[Product]
    sellers: list[Seller]
    categories: list[str]
    places: list[Place] = field(default_factory=lambda: statistics().places)

    @classmethod
    def invented(cls, seed: int, products: int = PRODUCTS, sellers: int = SELLERS) -> "Catalogue":
        """Return a catalogue made up with Olist's statistics: category shares, prices, Zipf
        weights, cities.
        """
        return _invented(seed, statistics(), products, sellers)

    @cached_property
    def shelves(self) -> list[Shelf]:
        """One shelf per category."""
        shelves: list[list[Product]] = [[] for _ in self.categories]
        for product in self.products:
            shelves[product.category].append(product)
        return [Shelf(name, sorted(on, key=_by_price)) for name, on in zip(self.categories, shelves, strict=True)]

    @cached_property
    def positions(self) -> list[int]:
        """Where each product, by its number, stands on its shelf."""
        positions = [0] * len(self.products)
        for shelf in self.shelves:
            for position, product in enumerate(shelf.products):
                positions[product.number] = position
        return positions

    @cached_property
    def shares(self) -> list[float]:
        """Each category's share of demand."""
        return [sum(product.weight for product in shelf.products) for shelf in self.shelves]


def _by_price(product: Product) -> tuple[int, int]:
    return product.price, product.number


def _invented(seed: int, figures: Statistics, products: int, sellers: int) -> Catalogue:
    chance = Chance(f"catalogue {seed}")
    sold_by = cumulative(zipf(sellers, zipf_exponent(sellers, figures.orders.seller_top_tenth)))
    made: list[Product] = []
    for index, category in enumerate(figures.categories):
        for _ in range(max(1, round(category.products * products))):
            made.append(_product(chance, len(made), index, category, chance.pick(sold_by), seed))
    return Catalogue(
        tag=f"{seed:x}",
        products=_weighted(chance, made, figures),
        sellers=[_seller(chance, number, figures.places, seed) for number in range(sellers)],
        categories=[category.name for category in figures.categories],
    )


def zipf(count: int, exponent: float) -> list[float]:
    """Return weights of ranks 1 to `count` that fall with a power of the rank (Zipf's law)."""
    return [rank**-exponent for rank in range(1, count + 1)]


def zipf_exponent(count: int, top_tenth: float) -> float:
    """Return the exponent with which the first tenth of `count` ranks holds the share `top_tenth`,
    by bisection.
    """
    low, high = 0.0, 4.0
    for _ in range(40):
        middle = (low + high) / 2
        weights = zipf(count, middle)
        enough = sum(weights[: max(count // 10, 1)]) >= top_tenth * sum(weights)
        low, high = (low, middle) if enough else (middle, high)
    return high


def _product(chance: Chance, number: int, index: int, category: Category, seller: int, seed: int) -> Product:
    price = int(at_quantile(category.prices, chance.random()))
    return Product(number, f"product-{seed:x}-{number:04x}", index, seller, _rounded(price), 1.0, chance.random())


def _rounded(price: int) -> int:
    """Prices end in 90 cents, as shops like it, from 2.90 upward."""
    return max(290, price // 100 * 100 + 90)


def _weighted(chance: Chance, products: list[Product], figures: Statistics) -> list[Product]:
    """Deal Zipf weights out at random, scaled so that each category has its share."""
    exponent = zipf_exponent(len(products), figures.orders.product_top_tenth)
    dealt = sorted(zipf(len(products), exponent), key=lambda _: chance.random())
    totals = [0.0] * len(figures.categories)
    for product, weight in zip(products, dealt, strict=True):
        totals[product.category] += weight
    scales = [category.share / total for category, total in zip(figures.categories, totals, strict=True)]
    return [_with_weight(p, weight * scales[p.category]) for p, weight in zip(products, dealt, strict=True)]


def _with_weight(p: Product, weight: float) -> Product:
    return Product(p.number, p.product_id, p.category, p.seller, p.price, weight, p.bulk)


def _seller(chance: Chance, number: int, places: list[Place], seed: int) -> Seller:
    place = places[chance.pick(cumulative([place.sellers for place in places]))]
    return Seller(f"seller-{seed:x}-{number:03x}", place.state, lead_days(chance))


def lead_days(chance: Chance) -> float:
    """Return a seller's usual lead time: four days at the median, from half a day to three weeks
    (an assumption).
    """
    return min(max(chance.spread(4.0, 0.7), 0.5), 21.0)
