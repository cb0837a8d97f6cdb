"""What visitors do in a shop while one variant is shown to all of them, session by session."""

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from simulator import snapshot
from simulator.event import Event
from simulator.shop import Shop

if TYPE_CHECKING:
    from benchmarks.uplift.closed_loop import ClosedLoop
    from benchmarks.uplift.shop_past import Past

SECOND = 1_000_000
SESSION_S = 600.0  # by then nearly every session has ended
COLUMNS = 7
BOUGHT, REVENUE, EXPOSURES, CLICKED, SESSION_CLICKED, POPULAR_CLICKED, MEANT_TO_BUY = range(COLUMNS)

Table = npt.NDArray[np.float64]


class Measured(NamedTuple):
    """One row per session that began while it was measured (n, COLUMNS): whether it bought (0 or
    1), for how much (BRL, without freight), lists seen, clicks on them, those on products of each
    team, and whether the visitor came to buy (0 or 1), whatever was shown.
    """

    sessions: Table


def measured(past: "Past", offers: "ClosedLoop | None", seconds: float, won_over: float) -> Measured:
    """Return what visitors did who came within so many seconds after the past. Every variant goes
    on from the same moment of the same shop, with the same people and the same chance, until what
    it shows makes a difference.
    """
    state = snapshot.loaded(io.BytesIO(past.shop))
    began = int(state["world"]["now"])
    last_arrival, end = (began + int(lasting * SECOND) for lasting in (seconds, seconds + SESSION_S))
    meant: dict[str, bool] = {}
    shop = Shop.restore(
        state, catalogue=past.assortment, offers=offers, won_over=won_over, on_arrival=lambda *visit: meant.update([visit])
    )
    seen: dict[str, list[float]] = {}
    lists: dict[str, Event] = {}
    for event in shop.events():
        if event.at >= end:
            break
        if event.topic == "shop.clicks" and event.key in meant and event.at < last_arrival and event.key not in seen:
            seen[event.key] = [0.0] * (COLUMNS - 1) + [float(meant[event.key])]
        if offers is not None and (event.topic != "shop.clicks" or event.key in seen):
            offers.see(event)
        if event.key in seen:
            _count(seen[event.key], event, lists)
    return Measured(np.array(list(seen.values())).reshape(-1, COLUMNS))


def _count(row: list[float], event: Event, lists: dict[str, Event]) -> None:
    """Add an event of a session to its row; `lists` has the list that it saw last."""
    record = event.record
    if event.topic == "shop.exposures":
        row[EXPOSURES] += bool(record["products"])
        lists[event.key] = event
    elif event.topic == "shop.clicks":
        _count_click(row, event, lists.pop(event.key, None))


def _count_click(row: list[float], event: Event, exposure: Event | None) -> None:
    """Add a click to its session's row, and to the list that it names."""
    click = event.record
    if click["action"] == "purchase":
        row[BOUGHT] = 1.0
        row[REVENUE] += click["price"] * click["quantity"] / 100
    elif exposure and click["exposure_id"] == exposure.record["event_id"]:
        team = exposure.record["teams"][exposure.record["products"].index(click["product_id"])]
        row[CLICKED] += 1
        row[SESSION_CLICKED] += team == "session"
        row[POPULAR_CLICKED] += team == "popular"
