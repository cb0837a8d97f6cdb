"""Measures what it takes to build an index of a million sessions, whole and from the last version's
sessions with those that have ended since.

The sessions are those of a simulated shop, taken again and again, each time some days later. They
lie in an Iceberg table, as gold.sessions does; catalogue facts are not read. That both indexes are
the same is checked, too.
"""

import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, TypeVar

import numpy as np
import typer

from benchmarks import receipt
from benchmarks.support.simulated_sessions import a_lake, copies, simulated
from pipelines.base.settings import settings
from pipelines.gold.sessions import TABLE as SESSIONS
from pipelines.models import arrays
from pipelines.recommendations import building, training_sessions
from pipelines.recommendations.building import Before, Past
from pipelines.recommendations.model import recommender
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.recommending import warm_up
from pipelines.recommendations.model.sessions import Catalogue, Sessions

SIMULATED, COPIES, NEW_SHARE = 100_000, 11, 0.05
MILLION = 1_000_000
Outcome = TypeVar("Outcome")


def main(
    simulated_sessions: Annotated[int, typer.Option("--simulated", min=100, help="Sessions that are simulated.")] = SIMULATED,
    times: Annotated[int, typer.Option("--copies", min=2, help="How often each of them is taken.")] = COPIES,
) -> None:
    """Measure both ways and write the receipt."""
    with TemporaryDirectory() as folder:
        metrics = measured(Path(folder), simulated_sessions, times)
    described = {"simulated_sessions": simulated_sessions, "copies": times, "new_share": NEW_SHARE}
    receipt.write("recommendation_index", {**described, "options": Options().model_dump()}, metrics)


def measured(folder: Path, sessions: int, times: int) -> dict[str, float]:
    """Return seconds and bytes of an index of `sessions` simulated sessions, taken so many times;
    the newest NEW_SHARE of them have ended since the last version.
    """
    warm_up()
    lake, past = a_lake(folder), list(islice(copies(simulated(sessions)), times))
    table, new = lake.load_table(SESSIONS.name), round(sessions * times * NEW_SHARE)
    for copy in past[:-1]:
        table.append(copy)
    table.append(past[-1].slice(0, sessions - new))
    last = version(building.past(lake))
    table.append(past[-1].slice(sessions - new))
    came = building.past(lake)
    whole, whole_s = seconds(lambda: gathered(came))
    grown, grown_s = seconds(lambda: gathered(came, last))
    learned, _ = building.parts(whole)
    (content, made), build_s = seconds(lambda: index(learned))
    of_grown, _ = index(building.parts(grown)[0])
    metrics = {"sessions_count": float(learned.count), "clicks_count": float(len(learned.items))}
    metrics |= {"products_count": float(len(learned.products)), "same_share": same_share(content, of_grown)}
    metrics |= {"whole_read_s": whole_s, "incremental_read_s": grown_s, "read_ratio": whole_s / grown_s, "build_s": build_s}
    metrics |= {"whole_s": whole_s + build_s, "incremental_s": grown_s + build_s}
    metrics |= {"index_bytes": float(len(content)), "sessions_bytes": float(len(training_sessions.packed(learned)))}
    clicks = len(learned.items) / MILLION
    per_million = {"build_per_million_clicks_s": build_s / clicks, "index_per_million_clicks_bytes": len(content) / clicks}
    _, load_s = seconds(lambda: recommender.Model("index", "0", arrays.unpacked(content, "it")))
    return {**metrics, **per_million, "load_s": load_s, "arrays_count": float(made)}


def version(came: Past) -> Before:
    """Return what is registered beside a version that is built of the table as it is."""
    learned, _ = building.parts(gathered(came))
    return Before(learned, building.rows_until(came, int(training_sessions.ends(learned)[-1])))


def gathered(came: Past, before: Before | None = None) -> Sessions:
    """Return all sessions of the table."""
    return building.gathered(came, 10 * MILLION, settings().ids.none, before)


def index(learned: Sessions) -> tuple[bytes, int]:
    """Return an index as bytes, and of how many arrays it is made."""
    made = build(learned, Catalogue.unknown(len(learned.products)), Options())
    return recommender.packed_bytes(made), len(made)


def same_share(one: bytes, other: bytes) -> float:
    """Return the share of the arrays of two indexes that are equal, but the moment of building."""
    first, second = (arrays.unpacked(content, "an index") for content in (one, other))
    names = first.keys() - {"built_us"}
    return float(np.mean([np.array_equal(first[name], second[name]) for name in names]))


def seconds(work: Callable[[], Outcome]) -> tuple[Outcome, float]:
    """Return what some work gives, and the seconds that it takes."""
    begun = time.perf_counter()
    done = work()
    return done, time.perf_counter() - begun
