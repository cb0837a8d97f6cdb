"""Given the archive, the shop sells Olist's own products."""

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from olist import ARCHIVE, needs_olist, tiny_archive

from simulator.shop import Catalogue, Shop
from simulator.shop.olist import read_catalogue


@pytest.fixture(scope="module")
def olist() -> Catalogue:
    return read_catalogue(ARCHIVE)


@needs_olist
def test_it_holds_every_product_sold_and_every_seller(olist: Catalogue) -> None:
    assert (len(olist.products), len(olist.sellers)) == (32_951, 3_095)
    assert {"health_beauty", "other"} <= set(olist.categories)
    assert len({product.product_id for product in olist.products}) == 32_951


@needs_olist
def test_a_known_product_has_its_own_price_category_and_seller(olist: Catalogue) -> None:
    """The archive's best seller: a product of furniture_decor."""
    best = max(olist.products, key=lambda product: product.weight)
    assert best.product_id == "aca2eb7d00ea1a7b8ebd4e68314663af"
    assert olist.categories[best.category] == "furniture_decor"
    assert best.price == pytest.approx(6990, abs=500)
    assert best.weight == pytest.approx(527 / 112_650)


@needs_olist
def test_the_shop_sells_them_in_olists_proportions(olist: Catalogue) -> None:
    shop = Shop(1, 1_767_571_200_000_000, 1.0, catalogue=olist, clicks_share=0.0)
    events = list(islice(shop.events(), 75_000))
    items = [i for e in events if e.topic == "shop.orders" and e.record["version"] == 1 for i in e.record["items"]]
    counts = Counter(item["category"] for item in items)
    assert len(items) > 2_000
    assert {item["product_id"] for item in items} <= {product.product_id for product in olist.products}
    assert counts["bed_bath_table"] / len(items) == pytest.approx(0.0987, rel=0.4)


def test_products_that_were_sold_have_their_price_category_and_last_seller(tmp_path: Path) -> None:
    made = read_catalogue(tiny_archive(tmp_path))
    sold = {p.product_id: (made.categories[p.category], made.sellers[p.seller].seller_id, p.price) for p in made.products}
    assert sold == {"p1": ("health_beauty", "s1", 1_100), "p2": ("other", "s2", 9_990)}
    assert {p.product_id: p.weight for p in made.products} == pytest.approx({"p1": 2 / 3, "p2": 1 / 3})
    assert {place.city for place in made.places} == {"sao paulo", "rio de janeiro"}
