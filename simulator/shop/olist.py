"""Olist's own catalogue, read from the Kaggle archive: products, categories, prices, sellers,
customers' cities.
"""

from pathlib import Path

import pandas as pd

from simulator.fit_olist import fit_places
from simulator.olist_archive import Frames, read_archive
from simulator.shop.catalogue import Catalogue, Product, Seller, lead_days
from simulator.shop.chance import Chance
from simulator.shop.statistics import Place


def read_catalogue(archive: Path) -> Catalogue:
    """Return the catalogue of the archive; demand follows the pieces each product sold there."""
    frames = read_archive(archive)
    sellers = frames.sellers["seller_id"].tolist()
    categories = sorted(frames.products["category"].unique())
    return Catalogue(
        tag="olist",
        products=_products(_sold(frames), sellers, categories),
        sellers=_sellers(frames),
        categories=categories,
        places=[Place.model_validate(place) for place in fit_places(frames)],
    )


def _sold(frames: Frames) -> pd.DataFrame:
    """Return per product its category, pieces sold, median price, and the seller who sold it
    last.
    """
    per_product = frames.items.groupby("product_id").agg(
        price=("price", "median"),
        pieces=("price", "size"),
        freight=("freight_value", "median"),
        seller_id=("seller_id", "last"),
    )
    sold = frames.products.set_index("product_id")[["category"]].join(per_product, how="inner")
    return sold.assign(bulk=sold["freight"].rank(pct=True))


def _products(sold: pd.DataFrame, sellers: list[str], categories: list[str]) -> list[Product]:
    number_of = {seller: number for number, seller in enumerate(sellers)}
    shelf_of = {category: number for number, category in enumerate(categories)}
    total = float(sold["pieces"].sum())
    columns = zip(sold.index, sold.category, sold.seller_id, sold.price, sold.pieces, sold.bulk, strict=True)
    return [
        Product(number, str(name), shelf_of[category], number_of[seller], round(price * 100), pieces / total, float(bulk))
        for number, (name, category, seller, price, pieces, bulk) in enumerate(columns)
    ]


def _sellers(frames: Frames) -> list[Seller]:
    """Return the archive's sellers, with lead times made up."""
    chance = Chance("olist sellers")
    columns = zip(frames.sellers["seller_id"], frames.sellers["seller_state"], strict=True)
    return [Seller(str(seller), str(state), lead_days(chance)) for seller, state in columns]
