"""An index that is built from the last version's sessions and those that ended since gives the same
lists as one that is built of all; where the table says otherwise, all is read.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ids import NO_ID
from past_sessions import SHAPE, Row, a_past, a_session, rows_of
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.table import Table as IcebergTable

from pipelines.base.errors import ModelError
from pipelines.models import arrays
from pipelines.recommendations import building, training_sessions
from pipelines.recommendations.building import Before, Built, Gathered
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.sessions import Catalogue, Sessions

OPTIONS = Options(learned=False)
Table = Callable[..., IcebergTable]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """What makes gold.sessions anew with these rows, each list of them a snapshot."""
    catalogue = InMemoryCatalog("lake", warehouse=f"file://{tmp_path}")
    catalogue.create_namespace("gold")

    def made(*snapshots: Sequence[Row]) -> IcebergTable:
        if catalogue.table_exists("gold.sessions"):
            catalogue.drop_table("gold.sessions")
        found = catalogue.create_table("gold.sessions", SHAPE)
        for rows in snapshots:
            found.append(rows_of(rows))
        return found

    return made


def build(found: Gathered) -> Built:
    learned, unseen = building.parts(found.sessions)
    return building.built(learned, unseen, Catalogue.unknown(len(learned.products)), OPTIONS)


def before(table: IcebergTable, found: Gathered) -> Before:
    """Return what is registered beside a version that is built of these sessions."""
    learned, _ = building.parts(found.sessions)
    until_us = int(training_sessions.ends(learned)[-1])
    return Before(learned, building.rows_until(table, found.snapshot_id, until_us))


def assert_same(found: Sessions, expected: Sessions) -> None:
    assert found.products == expected.products
    for one, other in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1000),
    old=st.integers(5, 40),
    new=st.integers(0, 40),
    bots=st.integers(0, 2),
    most=st.integers(3, 60),
)
def test_a_version_built_on_the_last_one_is_the_one_built_of_all(table, seed, old, new, bots, most):
    past = a_past(old + new, seed, products=9)
    bot = [a_session(900 + i, ["a"] * 200, range(200), clicks=10_000) for i in range(bots)]
    lake = table([*bot, *past[:old]])
    last = building.gathered(lake, most, NO_ID)
    version = before(lake, last)
    lake.append(rows_of(past[old:]))
    whole, grown = (building.gathered(lake, most, NO_ID, each) for each in (None, version))
    assert_same(grown.sessions, whole.sessions)
    made, anew = (arrays.unpacked(build(found).content, "it") for found in (grown, whole))
    assert made.keys() == anew.keys()
    for name in made.keys() - {"built_us"}:
        np.testing.assert_array_equal(made[name], anew[name], err_msg=name)


def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return where it is noted how many rows each reading of sessions has given."""
    read, rows = [], building._rows

    def noting(*arguments):
        for batch in rows(*arguments):
            read.append(len(batch))
            yield batch

    monkeypatch.setattr(building, "_rows", noting)
    return read


def test_only_what_ended_since_is_read(table, monkeypatch):
    past = a_past(60)
    lake = table(past[:50])
    version = before(lake, building.gathered(lake, 100, NO_ID))
    lake.append(rows_of(past[50:]))
    read = rows_read(monkeypatch)
    found = building.gathered(lake, 100, NO_ID, version)
    assert version.sessions.count == 40
    assert sum(read) == 20
    assert found.sessions.count == 60


def test_where_the_table_has_other_rows_of_old_sessions_all_is_read(table, monkeypatch):
    past = a_past(60)
    lake = table(past[:50])
    version = before(lake, building.gathered(lake, 100, NO_ID))
    read = rows_read(monkeypatch)
    lake = table([*past[:10], *past[11:]])
    assert_same(building.gathered(lake, 100, NO_ID, version).sessions, building.gathered(lake, 100, NO_ID).sessions)
    assert sum(read) == 2 * 59


def test_the_newest_sessions_are_held_out_a_fifth_at_most():
    for count, unseen in ((1, 0), (10, 2), (5_000, 200), (30_000, 600)):
        found = building.parts(training_sessions.gathered(rows_of(a_past(count)).to_batches(), 10**9, NO_ID))
        assert [each.count for each in found] == [count - unseen, unseen]


def test_an_index_is_measured_on_what_it_has_not_learned_from(table):
    lake = table(a_past(400))
    found = building.gathered(lake, 1_000, NO_ID)
    index = build(found)
    learned, unseen = building.parts(found.sessions)
    assert index.learned_until_us == training_sessions.ends(learned)[-1] < training_sessions.ends(unseen)[0]
    assert_same(training_sessions.unpacked(index.sessions, "it"), learned)
    figures = index.metrics
    assert (figures["sessions_count"], figures["products_count"], figures["index_bytes"]) == (320, 60, len(index.content))
    assert figures["hr20_pct"] > 80 > figures["popularity_hr20_pct"]
    assert figures["mrr20_pct"] > figures["popularity_mrr20_pct"]
    assert 0 < figures["shown_share"] <= 1


def test_a_single_session_is_an_index_that_nothing_can_be_asked_of(table):
    index = build(building.gathered(table([a_session(1, ["a", "b"], [0, 1])]), 10, NO_ID))
    assert index.metrics["sessions_count"] == 1
    assert "hr20_pct" not in index.metrics


def test_nothing_to_build_from_is_one_sentence(table):
    for lake in (None, table()):
        with pytest.raises(ModelError, match=r"There is nothing to build from: gold\.sessions is empty"):
            building.gathered(lake, 10, NO_ID)
    found = building.gathered(table([a_session(1, ["a"] * 200, range(200), clicks=10_000)]), 10, NO_ID)
    with pytest.raises(ModelError, match=r"gold\.sessions has no session of a person yet"):
        build(found)
