"""What is out of stock is published to the online store, as it is known, and again when it has
lost it.
"""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from valkey_server import ValkeyServer

from pipelines.online_store.client import Client
from pipelines.recommendations import availability, catalogue
from pipelines.recommendations.features.session import product_hashes
from pipelines.recommendations.store import RecommendationStore, Unavailable

MOVED = datetime(2026, 11, 30, tzinfo=UTC)


def a_stock(**on_hand: int) -> catalogue.Stock:
    rows = [
        {"product_id": product, "seller_id": "s", "on_hand": pieces, "sold": 9, "last_movement_at": MOVED}
        for product, pieces in on_hand.items()
    ]
    return catalogue.stock(pa.Table.from_pylist(rows).to_batches() if rows else [])


def test_what_is_out_of_stock_is_followed_until_it_is_there_again(server: ValkeyServer) -> None:
    with Client(server.settings) as client:
        store, followed = RecommendationStore(client, 3600), Unavailable()
        for at, (stock, out) in enumerate([(a_stock(a=0, b=1, c=0), ["a", "c"]), (a_stock(a=3, b=0), ["b"]), (a_stock(), [])]):
            availability.publish(store, stock, 100 + at)
            followed.follow(store.peek([], "recommendations").unavailable_us, store)
            np.testing.assert_array_equal(followed.products, np.sort(product_hashes(out)))


def test_it_is_looked_at_beside_the_queries() -> None:
    companion = availability.companion()
    assert (companion.name, list(companion.tasks)) == ("product_availability", ["publish"])
