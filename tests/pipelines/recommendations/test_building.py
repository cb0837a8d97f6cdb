"""An index that is built from the last version's sessions and those that ended since gives the same
lists as one that is built of all; where the table says otherwise, all is read.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ids import NO_ID
from past_sessions import SHAPE, SessionsLake, a_past, a_session, rows_of

from pipelines.base.errors import ModelError
from pipelines.models import arrays
from pipelines.recommendations import building, training_sessions
from pipelines.recommendations.building import Before, Built, Past
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.sessions import Catalogue, Sessions

OPTIONS = Options(learned=False)


@pytest.fixture
def lake(tmp_path: Path) -> SessionsLake:
    return SessionsLake(tmp_path)


def gathered(came: Past, before: Before | None = None, most: int = 1_000) -> Sessions:
    return building.gathered(came, most, NO_ID, before)


def build(sessions: Sessions) -> Built:
    learned, unseen = building.parts(sessions)
    return building.built(learned, unseen, Catalogue.unknown(len(learned.products)), OPTIONS)


def version(came: Past, most: int = 1_000) -> Before:
    """Return what is registered beside a version that is built of the table."""
    learned, _ = building.parts(gathered(came, most=most))
    return Before(learned, building.rows_until(came, int(training_sessions.ends(learned)[-1])))


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
def test_a_version_built_on_the_last_one_is_the_one_built_of_all(lake, seed, old, new, bots, most):
    past = a_past(old + new, seed, products=9)
    bot = [a_session(900 + i, ["a"] * 200, range(200), clicks=10_000) for i in range(bots)]
    last = version(lake.holds([*bot, *past[:old]]), most)
    came = lake.gets(past[old:])
    whole, grown = gathered(came, most=most), gathered(came, last, most)
    assert_same(grown, whole)
    made, anew = (arrays.unpacked(build(sessions).content, "it") for sessions in (grown, whole))
    assert made.keys() == anew.keys()
    for name in made.keys() - {"built_us"}:
        np.testing.assert_array_equal(made[name], anew[name], err_msg=name)


def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return where it is noted how many rows each reading of whole sessions has given."""
    read, rows = [], Past.rows

    def noting(came, columns, where):
        for batch in rows(came, columns, where):
            read.append(len(batch) if "products" in columns else 0)
            yield batch

    monkeypatch.setattr(Past, "rows", noting)
    return read


def test_only_what_ended_since_is_read(lake, monkeypatch):
    past = a_past(60)
    last = version(lake.holds(past[:50]))
    came = lake.gets(past[50:])
    read = rows_read(monkeypatch)
    assert gathered(came, last).count == 60
    assert last.sessions.count == 40
    assert sum(read) == 20


def test_where_the_table_has_other_rows_of_old_sessions_all_is_read(lake, monkeypatch):
    past = a_past(60)
    last = version(lake.holds(past[:50]))
    came = lake.holds([*past[:10], *past[11:]])
    read = rows_read(monkeypatch)
    assert_same(gathered(came, last), gathered(came))
    assert sum(read) == 2 * 59


def test_the_newest_sessions_are_held_out_a_fifth_at_most():
    for count, unseen in ((1, 0), (10, 2), (5_000, 200), (15_000, 300)):
        found = building.parts(training_sessions.gathered(rows_of(a_past(count)).to_batches(), 10**9, NO_ID))
        assert [each.count for each in found] == [count - unseen, unseen]


def test_an_index_is_measured_on_what_it_has_not_learned_from(lake):
    sessions = gathered(lake.holds(a_past(400)))
    index, (learned, unseen) = build(sessions), building.parts(sessions)
    assert index.learned_until_us == training_sessions.ends(learned)[-1] < training_sessions.ends(unseen)[0]
    assert_same(training_sessions.unpacked(index.sessions, "it"), learned)
    figures = index.metrics
    assert (figures["sessions_count"], figures["products_count"], figures["index_bytes"]) == (320, 60, len(index.content))
    assert figures["hr20_pct"] > 80 > figures["popularity_hr20_pct"]
    assert figures["mrr20_pct"] > figures["popularity_mrr20_pct"]
    assert 0 < figures["shown_share"] <= 1


def test_a_single_session_is_an_index_that_nothing_can_be_asked_of(lake):
    index = build(gathered(lake.holds([a_session(1, ["a", "b"], [0, 1])])))
    assert index.metrics["sessions_count"] == 1
    assert "hr20_pct" not in index.metrics


def test_nothing_to_go_by_is_one_sentence(lake):
    for make in (lambda: None, lambda: lake.catalogue.create_table("gold.sessions", SHAPE)):
        make()
        with pytest.raises(ModelError, match=r"There are no sessions to go by: gold\.sessions is empty"):
            building.past(lake.catalogue)
    sessions = gathered(lake.gets([a_session(1, ["a"] * 200, range(200), clicks=10_000)]))
    with pytest.raises(ModelError, match=r"There is nothing to learn from: gold\.sessions has no session of a person yet"):
        build(sessions)
