"""Publishes to the online store which products cannot be bought, as gold.stock_levels says."""

import time

import numpy as np
from pyspark.sql import SparkSession

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.gold import stock_levels
from pipelines.lake import arrow
from pipelines.online_store.client import Client
from pipelines.recommendations import catalogue
from pipelines.recommendations.features.session import product_hashes
from pipelines.recommendations.store import RecommendationStore
from pipelines.streaming.companions import Companion

log = logs.get(__name__)

LOOK_EVERY_S = 31.0


def companion() -> Companion:
    """Return what publishes again and again, beside the queries."""
    return Companion("product_availability", LOOK_EVERY_S, {"publish": publish_what_is_out})


def publish_what_is_out(_: SparkSession) -> None:
    """Bring what the online store says of products that are out of stock up to date.

    Read by Arrow, which takes a fraction of what a job of Spark would: there is a row per product.
    """
    known_us = time.time_ns() // 1000
    with arrow.open_catalogue() as lake:
        stock = catalogue.stock(arrow.batches(arrow.find(lake, stock_levels.TABLE), catalogue.STOCK))
    with Client(settings().valkey) as client:
        publish(RecommendationStore(client, settings().recommendations.kept_s), stock, known_us)


def publish(store: RecommendationStore, stock: catalogue.Stock, known_us: int) -> None:
    """Store which products are out of stock, as was known at `known_us`; those not sold any more
    are among them.
    """
    out = np.array(stock.products, object)[stock.is_out].tolist()
    store.write_unavailable(product_hashes(out), known_us)
    log.debug("availability_published", products=len(stock.products), out_of_stock=len(out))
