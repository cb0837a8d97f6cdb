"""A shop that was kept goes on as if it had never stopped, also when it was killed, and never gives an id twice."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import settings
from simulator import snapshot
from simulator.event import Event
from simulator.pace import Events, bulk, micros
from simulator.shop import Shop

START = 1_760_000_000_000_000


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_no_event_is_lost_or_told_twice_between_two_runs() -> None:
    first = snapshot.new(7, START, 20.0, None)
    before = [event for batch in bulk(first.events, START + 60_000_000, lambda _: False) for event in batch]
    snapshot.keep(7, first)
    after = list(islice(snapshot.opened(7, START + 60_000_000, 20.0, None).events, 500))
    ids = [event.record["event_id"] for event in [*before, *after]]
    assert len(set(ids)) == len(ids)
    assert after[0] == first.events.unsent[0]
    assert after[0] == next(islice(Shop(7, START, 20.0).events(), len(before), None))


def test_another_seed_opens_another_shop_and_leaves_the_first_alone() -> None:
    snapshot.keep(7, snapshot.new(7, START, 20.0, None))
    shop = snapshot.opened(8, START + 1, 20.0, None)
    snapshot.keep(8, shop)
    assert shop.start == START + 1
    assert [read(seed)["shop"]["terms"]["seed"] for seed in (7, 8)] == [7, 8]


def read(seed: int) -> dict[str, Any]:
    return snapshot.read(seed) or {}


def killed(seconds: float) -> list[Event]:
    """Return what a shop told between the moment it was kept and its end without warning, so many seconds later."""
    shop = snapshot.new(7, START, 20.0, None)
    snapshot.Keeper(7, shop, lambda: True).look(START)
    return [event for batch in bulk(shop.events, START + micros(seconds), lambda _: False) for event in batch]


def test_after_a_kill_the_same_events_are_told_again_and_no_id_is_given_to_others() -> None:
    told = killed(seconds=120)
    open_shop, until = snapshot.owing(7, START + micros(120), None) or pytest.fail("nothing is owed")
    again = [event for batch in bulk(open_shop.events, until, lambda _: False) for event in batch]
    assert again == told
    snapshot.keep(7, open_shop)
    later = list(islice(snapshot.opened(7, START + micros(3_600), 20.0, None).events, 3_000))
    assert {event.record["event_id"] for event in later} & {event.record["event_id"] for event in told} == set()
    assert snapshot.owing(7, START + micros(7_200), None) is None


def test_a_shop_killed_long_ago_was_closed_since_and_is_not_made_up_for() -> None:
    killed(seconds=1)
    _, until = snapshot.owing(7, START + micros(86_400), None) or pytest.fail("nothing is owed")
    assert until - START < micros(1_800)


def test_a_past_cut_short_is_finished_to_its_end() -> None:
    end = START + micros(300)
    shop = snapshot.new(7, START, 20.0, None)
    first = list(islice(bulk(shop.events, end, lambda _: True), 1))
    snapshot.keep(7, shop, end)
    open_shop, until = snapshot.owing(7, START + micros(86_400), None) or pytest.fail("nothing is owed")
    rest = list(bulk(open_shop.events, until, lambda _: False))
    whole = bulk(Events(Shop(7, START, 20.0).events()), end, lambda _: False)
    assert [e for batch in [*first, *rest] for e in batch] == [e for batch in whole for e in batch]


def test_a_shop_is_kept_only_when_due_and_when_everything_sent_has_arrived() -> None:
    shop = snapshot.new(7, START, 20.0, None)
    snapshot.Keeper(7, shop, lambda: False).look(START)
    assert snapshot.read(7) is None
    keeper = snapshot.Keeper(7, shop, lambda: True, until=START + 1)
    keeper.look(START)
    list(islice(shop.events, 3_000))
    keeper.look(START)
    assert read(7)["shop"]["world"]["now"] == START
    assert read(7)["until"] == START + 1


def test_two_runs_of_one_shop_are_refused() -> None:
    with snapshot.alone(7):
        with pytest.raises(snapshot.SeedTaken, match="stop it, or take another --seed"), snapshot.alone(7):
            pass
        with snapshot.alone(8):
            pass
    with snapshot.alone(7):
        pass


def test_a_shop_kept_in_the_future_opens_there() -> None:
    kept = snapshot.new(7, START, 20.0, None)
    list(islice(kept.events, 4_000))
    snapshot.keep(7, kept)
    assert snapshot.opened(7, START - 10_000_000, 20.0, None).start > START
