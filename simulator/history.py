"""A simulated past in bulk: how busy a shop must be for so many orders a day, and a bar that shows
how far it is.
"""

from collections.abc import Iterator

from rich.console import Console
from rich.progress import Progress

from simulator.event import Event
from simulator.shop.shop import BUYING, CLICKS_PER_BUYER, CLICKS_PER_LOOKER, OTHERS_PER_BUYER

DAY_S = 86_400
# With those of fraudsters and of buyers who come back; measured over 20 days.
ORDERS_PER_BUYER = 1.07


def events_per_s(orders_per_day: float, clicks_share: float) -> float:
    """Return the rate of a shop with so many orders a day in the long run, all topics together."""
    lookers = clicks_share * (1 - BUYING) / BUYING
    per_buyer = OTHERS_PER_BUYER + clicks_share * CLICKS_PER_BUYER + lookers * CLICKS_PER_LOOKER
    return orders_per_day / ORDERS_PER_BUYER / DAY_S * per_buyer


def with_progress(batches: Iterator[list[Event]], start: int, end: int) -> Iterator[list[Event]]:
    """Pass batches on while a bar on standard error shows how much of the time from `start` to
    `end` is done.
    """
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("past days", total=end - start)
        for batch in batches:
            yield batch
            if batch:
                progress.update(task, completed=batch[-1].at - start)
