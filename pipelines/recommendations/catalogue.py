"""What the shop knows of its products: category and seller as its orders and its stock name them,
and which are out of stock or not sold any more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.base.arrays import DAY_US, Integers
from pipelines.recommendations.model.sessions import Catalogue

ORDERS = ("event_at", "items")
STOCK = ("product_id", "seller_id", "on_hand", "sold", "last_movement_at")


class Stock(NamedTuple):
    """The stock of each product (n), in the order of `products`."""

    products: list[str]
    sellers: list[str]
    on_hand: Integers
    came_in: Integers  # pieces that ever came in, less those that left by other ways than sales
    moved_us: Integers  # when it last moved, microseconds since 1970

    @property
    def is_out(self) -> npt.NDArray[np.bool_]:
        """Return which products are out of stock.

        A product of which nothing ever came in has no books: nobody knows, and it is not out.
        """
        return (self.on_hand <= 0) & (self.came_in > 0)

    def is_gone(self, after_days: int) -> npt.NDArray[np.bool_]:
        """Return which products are not sold any more: out of stock, and without any movement in
        the newest so many days of the shop's.
        """
        rests: npt.NDArray[np.bool_] = self.moved_us < self.moved_us.max(initial=0) - after_days * DAY_US
        return self.is_out & rests


def stock(rows: Iterable[pa.RecordBatch]) -> Stock:
    """Return the stock that rows of gold.stock_levels (STOCK) tell of."""
    kinds = [pa.string(), pa.string(), pa.int64(), pa.int64(), pa.timestamp("us", "UTC")]
    empty = pa.table([pa.array([], kind) for kind in kinds], STOCK)
    found = pa.concat_tables([empty, *(pa.Table.from_batches([batch]).cast(empty.schema) for batch in rows)])
    on_hand, sold = (found[name].to_numpy() for name in ("on_hand", "sold"))
    moved_us = pc.cast(found["last_movement_at"], pa.int64()).to_numpy()
    return Stock(found["product_id"].to_pylist(), found["seller_id"].to_pylist(), on_hand, on_hand + sold, moved_us)


class Lines(NamedTuple):
    """Category and seller by product, as the newest order names them."""

    category: Mapping[str, str]
    seller: Mapping[str, str]


def lines(rows: Iterable[pa.RecordBatch]) -> Lines:
    """Return what the lines of orders, rows of silver.orders (ORDERS), say of their products."""
    newest = dict[str, tuple[int, str, str]]()
    for batch in rows:
        for product, line in _newest_lines(batch):
            newest[product] = max(newest.get(product, line), line)
    return Lines(
        {product: category for product, (_, category, _) in newest.items()},
        {product: seller for product, (_, _, seller) in newest.items()},
    )


def _newest_lines(rows: pa.RecordBatch) -> Iterator[tuple[str, tuple[int, str, str]]]:
    """Yield each product of some orders with every category and seller that they give it, and when
    (us) they last do.
    """
    items = rows["items"].flatten()
    placed_us = pc.cast(pc.cast(rows["event_at"], pa.timestamp("us", "UTC")), pa.int64())
    of_line = placed_us.take(pc.list_parent_indices(rows["items"]))
    columns = {name: items.field(name) for name in ("product_id", "category", "seller_id")}
    found = pa.table({**columns, "at_us": of_line}).group_by([*columns], use_threads=False).aggregate([("at_us", "max")])
    products, *fields = (found[name].to_pylist() for name in ("product_id", "at_us_max", "category", "seller_id"))
    yield from zip(products, zip(*fields, strict=True), strict=True)


def catalogue(products: Sequence[str], ordered: Lines, held: Stock, gone_after_days: int) -> Catalogue:
    """Return what is known of products, in their order; the seller who holds the stock is the
    seller.
    """
    sellers = {**ordered.seller, **dict(zip(held.products, held.sellers, strict=True))}
    gone = {product for product, is_gone in zip(held.products, held.is_gone(gone_after_days), strict=True) if is_gone}
    return Catalogue(
        [ordered.category.get(product) or "" for product in products],
        [sellers.get(product) or "" for product in products],
        np.array([product not in gone for product in products], np.bool_),
    )
