"""A shop that was saved goes on as if it had never stopped, also when it was killed, and never
gives an id twice.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from gzip import decompress as gunzip
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pipelines.base.settings import settings
from simulator import snapshot
from simulator.event import Event
from simulator.offer_journal import OfferJournal
from simulator.offers import NewestOffers
from simulator.pace import Events, bulk, micros
from simulator.shop import Shop
from simulator.shop.exposures import Offer

START = 1_760_000_000_000_000
FIRST_FORMAT = Path(__file__).with_name("snapshot_of_the_first_format.json.gz")
STEPS = {f"order.{step}" for step in ("pay", "approve", "ship", "deliver", "cancel", "give_up")}


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_no_event_is_lost_or_told_twice_between_two_runs() -> None:
    first = snapshot.new(7, START, 20.0, None)
    before = [event for batch in bulk(first.events, START + 60_000_000, lambda _: False) for event in batch]
    snapshot.save(7, first)
    after = list(islice(snapshot.opened(7, START + 60_000_000, 20.0, None).events, 500))
    ids = [event.record["event_id"] for event in [*before, *after]]
    assert len(set(ids)) == len(ids)
    assert after[0] == first.events.unsent[0]
    assert after[0] == next(islice(Shop(7, START, 20.0).events(), len(before), None))


def test_another_seed_opens_another_shop_and_leaves_the_first_alone() -> None:
    snapshot.save(7, snapshot.new(7, START, 20.0, None))
    shop = snapshot.opened(8, START + 1, 20.0, None)
    snapshot.save(8, shop)
    assert shop.start == START + 1
    assert [read(seed)["shop"]["terms"]["seed"] for seed in (7, 8)] == [7, 8]


def read(seed: int) -> dict[str, Any]:
    return snapshot.read(seed) or {}


def killed(seconds: float) -> list[Event]:
    """Return what a shop sent between the moment it was saved and its end without warning, so many
    seconds later.
    """
    shop = snapshot.new(7, START, 20.0, None)
    saver = snapshot.Saver(7, shop, lambda: True, lambda: False)
    batches = saver.covered(bulk(shop.events, START + micros(seconds), lambda _: False))
    return [event for batch in batches for event in batch]


def test_after_a_kill_the_same_events_are_told_again_and_no_id_is_given_to_others() -> None:
    sent = killed(seconds=120)
    open_shop, until = snapshot.unfinished(7, START + micros(120), None) or pytest.fail("nothing is unfinished")
    again = [event for batch in bulk(open_shop.events, until, lambda _: False) for event in batch]
    assert again == sent
    snapshot.save(7, open_shop)
    later = list(islice(snapshot.opened(7, START + micros(3_600), 20.0, None).events, 3_000))
    assert {event.record["event_id"] for event in later} & {event.record["event_id"] for event in sent} == set()
    assert snapshot.unfinished(7, START + micros(7_200), None) is None


def test_a_shop_killed_long_ago_was_closed_since_and_is_not_made_up_for() -> None:
    killed(seconds=1)
    _, until = snapshot.unfinished(7, START + micros(86_400), None) or pytest.fail("nothing is unfinished")
    assert until - START < micros(1_800)


def test_a_past_cut_short_is_finished_to_its_end() -> None:
    end = START + micros(300)
    shop = snapshot.new(7, START, 20.0, None)
    first = list(islice(bulk(shop.events, end, lambda _: True), 1))
    snapshot.save(7, shop, end)
    open_shop, until = snapshot.unfinished(7, START + micros(86_400), None) or pytest.fail("nothing is unfinished")
    rest = list(bulk(open_shop.events, until, lambda _: False))
    whole = bulk(Events(Shop(7, START, 20.0).events()), end, lambda _: False)
    assert [e for batch in [*first, *rest] for e in batch] == [e for batch in whole for e in batch]


def test_a_shop_is_kept_only_when_due_and_when_everything_sent_has_arrived() -> None:
    shop = snapshot.new(7, START, 20.0, None)
    end = START + micros(900)
    assert list(snapshot.Saver(7, shop, lambda: False, lambda: True).covered(bulk(shop.events, end, lambda _: False))) == []
    assert snapshot.read(7) is None
    batches = snapshot.Saver(7, shop, lambda: True, lambda: False, until=end).covered(bulk(shop.events, end, lambda _: False))
    first = next(batches)
    assert [Event(*fields) for fields in reversed(read(7)["unsent"])] == first
    first_saved = snapshot.path(7).read_bytes()
    assert len(list(batches)) > 1
    assert snapshot.path(7).read_bytes() == first_saved
    assert read(7)["until"] == end


def test_a_shop_that_cannot_be_kept_stands_still_where_a_kill_could_give_ids_twice_and_loses_nothing() -> None:
    shop = snapshot.new(7, START, 20.0, None)
    acknowledged = iter([True])
    saver = snapshot.Saver(7, shop, lambda: next(acknowledged, False), lambda: True)
    batches = saver.covered(bulk(shop.events, START + micros(3_600), lambda _: False))
    sent = [event for batch in batches for event in batch]
    assert START + micros(500) < sent[-1].at < read(7)["until"]
    rest = list(islice(shop.events, 2_000))
    assert [*sent, *rest] == list(islice(Shop(7, START, 20.0).events(), len(sent) + 2_000))


def test_a_shop_that_stood_still_goes_on_once_everything_has_arrived() -> None:
    shop = snapshot.new(7, START, 20.0, None)
    acknowledged = iter([True, False, False])
    saver = snapshot.Saver(7, shop, lambda: next(acknowledged, True), lambda: False)
    for batch in saver.covered(bulk(shop.events, START + micros(1_800), lambda _: False)):
        assert batch[-1].at < read(7)["until"]
    assert batch[-1].at > START + micros(1_700)


def test_a_snapshot_is_on_the_disk_before_it_takes_the_place_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, int, bool]] = []
    really = os.fsync

    def noted(file: int) -> None:
        really(file)
        name = Path(f"/proc/self/fd/{file}").readlink().name
        synced.append((name, os.fstat(file).st_size, snapshot.path(7).exists()))

    monkeypatch.setattr(os, "fsync", noted)
    snapshot.save(7, snapshot.new(7, START, 20.0, None))
    (first, size, there), (last, _, there_then) = synced
    assert (first, size, there) == ("snapshot-7.new", snapshot.path(7).stat().st_size, False)
    assert (last, there_then) == ("simulator", True)


def test_a_snapshot_of_the_first_format_is_gone_on_with() -> None:
    """In the first format, JSON alone, every order under way stood as a record."""
    snapshot.path(5).write_bytes(gunzip(FIRST_FORMAT.read_bytes()))
    saved = read(5)
    tasks = [subject for _, _, name, subject in saved["shop"]["world"]["agenda"]["tasks"] if name in STEPS]
    under_way = {task["record"]["order_id"]: task["record"] for task in tasks}
    assert len(under_way) > 20
    shop = snapshot.opened(5, saved["shop"]["world"]["now"] + micros(86_400 * 90), 20.0, None)
    for event in islice(shop.events, 10_000):
        before = under_way.pop(event.key, None) if event.topic == "shop.orders" else None
        if before is not None:
            changed = {"event_id", "event_at", "version", "status"}
            assert {name: event.record[name] for name in before.keys() - changed} == without(before, changed)
            assert event.record["version"] == before["version"] + 1
    assert under_way == {}
    snapshot.save(5, shop)
    assert read(5)["format"] == snapshot.FORMAT


def test_an_event_that_was_saved_before_its_record_got_a_field_has_the_field_s_default() -> None:
    shop = snapshot.new(7, START, 20.0, None)
    click = next(event for event in shop.events if event.topic == "shop.clicks")
    of_yesterday = click._replace(record=without(click.record, {"exposure_id"}))
    shop.events.unsent.append(of_yesterday)
    snapshot.save(7, shop)
    assert next(iter(snapshot.opened(7, START, 20.0, None).events)) == click


def without(record: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


def test_a_snapshot_lacks_no_byte_and_has_none_too_many() -> None:
    shop = snapshot.new(7, START, 20.0, None, clicks_share=0.0)
    list(islice(shop.events, 4_000))
    snapshot.save(7, shop)
    whole = snapshot.path(7).read_bytes()
    assert len(whole) > whole.index(b"\n") + 1_000
    for damaged, why in ((whole[:-1], "its end is missing"), (whole + b"x", "there is more in it")):
        snapshot.path(7).write_bytes(damaged)
        with pytest.raises(snapshot.Unreadable, match=why):
            snapshot.read(7)


@pytest.mark.parametrize("damaged", [b"", b'{"shop": {', b"\xff\xfe", b"[]", b'{"format": 4}'])
def test_a_damaged_snapshot_is_one_sentence(damaged: bytes) -> None:
    snapshot.path(7).write_bytes(damaged)
    with pytest.raises(snapshot.Unreadable, match=r"The kept shop \S+snapshot-7\.json cannot be read .*: put it back"):
        snapshot.opened(7, START, 20.0, None)


def test_two_runs_of_one_shop_are_refused() -> None:
    with snapshot.alone(7):
        with pytest.raises(snapshot.SeedTaken, match="stop it, or take another --seed"), snapshot.alone(7):
            pass
        with snapshot.alone(8):
            pass
    with snapshot.alone(7):
        pass


def test_a_shop_kept_in_the_future_opens_there() -> None:
    shop = snapshot.new(7, START, 20.0, None)
    list(islice(shop.events, 4_000))
    snapshot.save(7, shop)
    assert snapshot.opened(7, START - 10_000_000, 20.0, None).start > START


def test_a_killed_shop_that_showed_lists_is_repeated_with_the_same_lists() -> None:
    offers = NewestOffers()
    with closing(OfferJournal(offers, snapshot.journal(7))) as journal:
        shop = snapshot.new(7, START, 20.0, None, steady=True, offers=journal)
        saver = snapshot.Saver(7, shop, lambda: True, lambda: False, after_save=journal.begin_anew)
        sent: list[Event] = []
        for batch in saver.covered(bulk(shop.events, START + micros(300), lambda _: False)):
            for event in batch:
                offers.put(
                    event.key, Offer(event.record["event_id"], [f"product-7-{len(sent) % 2400:04x}"], [], "session", "1")
                )
                sent.append(event)
    assert sum(event.topic == "shop.exposures" for event in sent) > 20
    open_shop, until = snapshot.unfinished(7, START + micros(300), None) or pytest.fail("nothing is unfinished")
    assert [event for batch in bulk(open_shop.events, until, lambda _: False) for event in batch] == sent
