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
SESSION_S = 900.0  # by then nearly every session has ended
BOUGHT, REVENUE, EXPOSURES, CLICKED, SESSION_CLICKED, POPULAR_CLICKED = range(6)

Table = npt.NDArray[np.float64]


class Measured(NamedTuple):
    """One row per session that began while it was measured (n, 6): whether it bought (0 or 1), for
    how much (BRL, without freight), lists seen, products of them looked at next, and those of each
    team.
    """

    sessions: Table


def measured(past: "Past", offers: "ClosedLoop | None", seconds: float, won_over: float) -> Measured:
    """Return what visitors did who came within so many seconds after the past. Every variant goes
    on from the same moment of the same shop, with the same people and the same chance, until what
    it shows makes a difference.
    """
    state = snapshot.loaded(io.BytesIO(past.shop))
    shop = Shop.restore(state, catalogue=past.assortment, offers=offers, won_over=won_over)
    began = int(state["world"]["now"])
    seen: dict[str, list[float]] = {}
    lists: dict[str, Event] = {}
    for event in shop.events():
        if offers is not None:
            offers.see(event)
        if event.at >= began + int((seconds + SESSION_S) * SECOND):
            break
        if event.topic == "shop.exposures" and event.key in seen:
            seen[event.key][EXPOSURES] += bool(event.record["products"])
            lists[event.key] = event
        elif event.topic == "shop.clicks":
            if event.key not in seen and event.record["position"] == 1 and event.at < began + int(seconds * SECOND):
                seen[event.key] = [0.0] * 6
            if event.key in seen:
                _count(seen[event.key], event, lists.pop(event.key, None))
    return Measured(np.array(list(seen.values())).reshape(-1, 6))


def _count(row: list[float], click: Event, exposure: Event | None) -> None:
    record = click.record
    if record["action"] == "purchase":
        row[BOUGHT] = 1.0
        row[REVENUE] += record["price"] * record["quantity"] / 100
    elif record["action"] == "view" and exposure and record["product_id"] in exposure.record["products"]:
        team = exposure.record["teams"][exposure.record["products"].index(record["product_id"])]
        row[CLICKED] += 1
        row[SESSION_CLICKED] += team == "session"
        row[POPULAR_CLICKED] += team == "popular"
