"""The Olist archive's tables as DataFrames, cleaned just enough to join."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.base.errors import TidemarkError


class ArchiveError(TidemarkError):
    """The Olist archive is missing or is not the expected zip of CSV files."""


@dataclass(frozen=True)
class Frames:
    """The tables of the archive; products and items carry the English `category`."""

    orders: pd.DataFrame
    items: pd.DataFrame
    products: pd.DataFrame
    customers: pd.DataFrame
    sellers: pd.DataFrame
    payments: pd.DataFrame
    reviews: pd.DataFrame
    geolocation: pd.DataFrame


TIMES = {
    "olist_orders_dataset.csv": [
        "order_purchase_timestamp",
        "order_approved_at",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ],
    "olist_order_reviews_dataset.csv": ["review_creation_date", "review_answer_timestamp"],
}
PREFIXES: dict[str, Any] = {"customer_zip_code_prefix": str, "seller_zip_code_prefix": str, "geolocation_zip_code_prefix": str}


def _table(archive: zipfile.ZipFile, name: str) -> pd.DataFrame:
    with archive.open(name) as file:
        return pd.read_csv(file, parse_dates=TIMES.get(name, []), dtype=PREFIXES)


def _products(archive: zipfile.ZipFile) -> pd.DataFrame:
    """Products with their category in English; "other" where the archive gives none."""
    english = _table(archive, "product_category_name_translation.csv").set_index("product_category_name")
    products = _table(archive, "olist_products_dataset.csv")
    names = products["product_category_name"]
    return products.assign(category=names.map(english["product_category_name_english"]).fillna(names).fillna("other"))


def _frames(archive: zipfile.ZipFile) -> Frames:
    return Frames(
        orders=_table(archive, "olist_orders_dataset.csv"),
        items=_table(archive, "olist_order_items_dataset.csv"),
        products=_products(archive),
        customers=_table(archive, "olist_customers_dataset.csv"),
        sellers=_table(archive, "olist_sellers_dataset.csv"),
        payments=_table(archive, "olist_order_payments_dataset.csv"),
        reviews=_table(archive, "olist_order_reviews_dataset.csv"),
        geolocation=_table(archive, "olist_geolocation_dataset.csv"),
    )


def read_archive(path: Path) -> Frames:
    """Read the nine CSV files of the Kaggle archive at `path`.

    Raises ArchiveError when there is no such file, no zip, or a table is missing from it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _frames(archive)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise ArchiveError(f"Cannot read the Olist archive {path} ({error}): give the path of Kaggle's olist.zip.") from error
