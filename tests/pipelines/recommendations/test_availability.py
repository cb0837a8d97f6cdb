"""What is out of stock is published to the online store, as it is known, and again when it has
lost it.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from own_catalogue import own_catalogue
from valkey_server import ValkeyServer

from pipelines.base.settings import Settings, settings
from pipelines.online_store.client import Client
from pipelines.recommendations import availability, catalogue
from pipelines.recommendations.features.session import product_hashes
from pipelines.recommendations.store import RecommendationStore, Unavailable

MOVED = datetime(2026, 11, 30, tzinfo=UTC)


SHAPE = pa.schema(
    [
        ("product_id", pa.string()),
        ("seller_id", pa.string()),
        ("on_hand", pa.int64()),
        ("sold", pa.int64()),
        ("last_movement_at", pa.timestamp("us", "UTC")),
    ]
)


def a_row(product: str, pieces: int) -> dict[str, Any]:
    return {"product_id": product, "seller_id": "s", "on_hand": pieces, "sold": 9, "last_movement_at": MOVED}


def a_stock(**on_hand: int) -> catalogue.Stock:
    return catalogue.stock(pa.Table.from_pylist([a_row(*each) for each in on_hand.items()], SHAPE).to_batches())


def test_what_is_out_of_stock_is_followed_until_it_is_there_again(server: ValkeyServer) -> None:
    with Client(server.settings) as client:
        store, followed = RecommendationStore(client, 3600), Unavailable()
        for at, (stock, out) in enumerate([(a_stock(a=0, b=1, c=0), ["a", "c"]), (a_stock(a=3, b=0), ["b"]), (a_stock(), [])]):
            availability.publish(store, stock, 100 + at)
            followed.follow(store.peek([], "recommendations").unavailable_us, store)
            np.testing.assert_array_equal(followed.products, np.sort(product_hashes(out)))


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:Delete operation did not match any records")  # of a table without rows
def test_it_is_read_from_gold_and_nothing_is_out_before_that_is_there(local_stack: Settings, tmp_path: Path) -> None:
    with own_catalogue("stock", tmp_path) as lake, Client(settings().valkey) as client:
        store = RecommendationStore(client, 3600)
        for rows, out in ((None, []), ([a_row("a", 0), a_row("b", 1)], ["a"]), ([], [])):
            if rows is not None:
                made = pa.Table.from_pylist(rows, SHAPE)
                lake.create_table_if_not_exists("gold.stock_levels", SHAPE).overwrite(made)
            begun = time.time_ns() // 1000
            availability.publish_what_is_out(None)
            products, known_us = store.unavailable()
            np.testing.assert_array_equal(products, np.sort(product_hashes(out)))
            assert known_us >= begun


def test_it_is_looked_at_beside_the_queries() -> None:
    companion = availability.companion()
    assert (companion.name, list(companion.tasks)) == ("product_availability", ["publish"])
