"""A shop that was kept goes on as if it had never stopped, and is not taken up twice."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from pipelines.settings import settings
from simulator import snapshot
from simulator.pace import bulk
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
    snapshot.keep(first)
    after = list(islice(snapshot.opened(7, START + 60_000_000, 20.0, None).events, 500))
    ids = [event.record["event_id"] for event in [*before, *after]]
    assert len(set(ids)) == len(ids)
    assert after[0] == first.events.unsent[0]
    assert after[0] == next(islice(Shop(7, START, 20.0).events(), len(before), None))


def test_a_kept_shop_is_taken_up_once() -> None:
    snapshot.keep(snapshot.new(7, START, 20.0, None))
    assert snapshot.take(7) is not None
    assert snapshot.take(7) is None


def test_another_seed_opens_another_shop() -> None:
    snapshot.keep(snapshot.new(7, START, 20.0, None))
    shop = snapshot.opened(8, START + 1, 20.0, None)
    assert shop.start == START + 1
    assert shop.shop.snapshot()["terms"]["seed"] == 8


def test_a_shop_kept_in_the_future_opens_there() -> None:
    kept = snapshot.new(7, START, 20.0, None)
    list(islice(kept.events, 4_000))
    snapshot.keep(kept)
    assert snapshot.opened(7, START - 10_000_000, 20.0, None).start > START
