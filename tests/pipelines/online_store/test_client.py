"""States in a real Valkey: a batch done again starts where it first did, every other one where the
last one ended.
"""

import uuid
from contextlib import suppress

import numpy as np
import pytest
from fraud_models import a_packed_model
from waiting import until

from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError, ModelError, ServiceUnreachable
from pipelines.fraud.features.card_state import blank
from pipelines.fraud.features.device_state import unseen
from pipelines.fraud.features.seller_state import SELLER_RECORD
from pipelines.online_store.client import CARDS_PER_COMMAND, DEVICE_RECORD, RECORD, Batch, Devices, OnlineStore

QUERY, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def states(*payments: int) -> Records:
    made = blank(len(payments))
    made["payments"] = payments
    return made


def counts(store: OnlineStore, batch: Batch, *cards: str) -> list[int]:
    return store.read(cards, batch, "fraud").states["payments"].tolist()


def test_unknown_cards_have_never_paid(store):
    reading = store.read(["a", "b"], Batch(QUERY, 0), "fraud")
    assert reading.states.tobytes() == blank(2).tobytes()
    assert reading.model_version is None


def test_the_next_batch_starts_after_and_the_same_batch_before(store):
    store.write(["a", "b"], states(1, 2), states(11, 12), Batch(QUERY, 4))
    assert counts(store, Batch(QUERY, 4), "a", "b", "c") == [1, 2, 0]
    assert counts(store, Batch(QUERY, 5), "b", "a") == [12, 11]
    assert counts(store, Batch(OTHER, 4), "a") == [11]


def test_what_is_read_may_be_changed(store):
    reading = store.read(["a"], Batch(QUERY, 0), "fraud")
    reading.states["payments"] += 1
    assert reading.states["payments"].tolist() == [1]


def test_a_peek_sees_what_the_last_batch_left_whichever_that_was_and_names_the_model(store):
    store.write(["a", "b"], states(1, 2), states(11, 12), Batch(QUERY, 4))
    store.publish(a_packed_model("3"))
    reading = store.peek(["b", "c", "a"], "fraud")
    assert (reading.states["payments"].tolist(), reading.model_version) == ([12, 0, 11], "3")
    reading.states["payments"] += 1
    assert store.peek(["b"], "fraud").states["payments"].tolist() == [12]


def test_more_cards_than_one_command_takes_come_back_in_order(store):
    cards = [f"card-{i}" for i in range(2 * CARDS_PER_COMMAND + 1)]
    numbers = np.arange(len(cards))
    store.write(cards, blank(len(cards)), states(*numbers), Batch(QUERY, 0))
    assert counts(store, Batch(QUERY, 1), *reversed(cards)) == numbers[::-1].tolist()


def test_a_checkpoint_that_was_set_back_is_refused(store):
    store.write(["a"], states(1), states(2), Batch(QUERY, 4))
    with pytest.raises(CheckpointError, match="later batch than 3"):
        store.read(["a"], Batch(QUERY, 3), "fraud")


def test_a_record_of_another_size_counts_as_unknown(store, server):
    store.write(["a"], states(1), states(2), Batch(QUERY, 4))
    (key,) = server.client.keys("card:*")
    server.client.set(key, b"short")
    assert counts(store, Batch(QUERY, 5), "a") == [0]


def test_a_published_model_comes_back_whole_and_is_named_with_every_reading(store):
    store.publish(a_packed_model("3"))
    assert store.current_version("fraud") == "3"
    assert store.read([], Batch(QUERY, 0), "fraud").model_version == "3"
    assert store.model("fraud", "3") == a_packed_model("3")


def test_a_replaced_model_goes_after_a_day_and_stays_when_it_returns(store, server):
    for version in ("3", "4"):
        store.publish(a_packed_model(version))
    assert server.client.ttl("model:fraud:3") > 0
    store.publish(a_packed_model("3"))
    assert server.client.ttl("model:fraud:3") == -1
    assert store.current_version("fraud") == "3"


def test_a_model_that_is_not_there_is_an_error_of_the_models(store):
    with pytest.raises(ModelError, match="does not hold model fraud version 9"):
        store.model("fraud", "9")


def test_a_challenger_comes_with_every_reading_until_it_is_withdrawn_and_then_stays_a_while(store, server):
    store.publish(a_packed_model("1"))
    store.publish(a_packed_model("2"), "challenger")
    reading = store.read([], Batch(QUERY, 0), "fraud")
    assert (reading.model_version, reading.challenger_version) == ("1", "2")
    store.withdraw_challenger("fraud")
    assert store.read([], Batch(QUERY, 0), "fraud").challenger_version is None
    assert server.client.ttl("model:fraud:1") == -1
    assert server.client.ttl("model:fraud:2") > 0


def test_a_challenger_that_becomes_the_champion_stays_for_good(store, server):
    store.publish(a_packed_model("1"))
    store.publish(a_packed_model("2"), "challenger")
    store.publish(a_packed_model("2"))
    assert server.client.ttl("model:fraud:1") > 0
    store.publish(a_packed_model("3"), "challenger")
    assert server.client.ttl("model:fraud:2") == -1
    store.publish(a_packed_model("2"), "challenger")
    store.withdraw_challenger("fraud")
    assert server.client.ttl("model:fraud:2") == -1
    assert server.client.ttl("model:fraud:3") > 0


def test_a_stopped_store_is_one_sentence_without_the_password(store, server):
    server.stop()
    with pytest.raises(ServiceUnreachable, match="Could not read card states") as caught:
        store.read(["a"], Batch(QUERY, 0), "fraud")
    assert server.settings.password.get_secret_value() not in str(caught.value)


def test_a_full_store_is_one_short_sentence_without_the_cards(store, server):
    server.client.config_set("maxmemory", "1mb")
    with pytest.raises(ServiceUnreachable, match="used memory > 'maxmemory'") as caught:
        store.write(["a-card"], blank(1), blank(1), Batch(QUERY, 0))
    assert "a-card" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_the_store_refuses_to_read_is_told_without_the_cards(store, server):
    server.client.execute_command("ACL", "SETUSER", "default", "-mget")
    with pytest.raises(ServiceUnreachable, match="no permissions") as caught:
        store.read(["a-card"], Batch(QUERY, 0), "fraud")
    assert "a-card" not in str(caught.value)


def test_a_frozen_store_is_given_up_soon(hasty_store, server):
    server.freeze()
    with pytest.raises(ServiceUnreachable):
        hasty_store.write(["a"], blank(1), blank(1), Batch(QUERY, 0))


def test_a_store_that_comes_back_is_used_again(store, hasty_store, server):
    def answers() -> bool:
        with suppress(ServiceUnreachable):
            return counts(hasty_store, Batch(QUERY, 5), "a") == [2]
        return False

    store.write(["a"], states(1), states(2), Batch(QUERY, 4))
    until(answers, "the store answers")
    server.freeze()
    with pytest.raises(ServiceUnreachable):
        hasty_store.read(["a"], Batch(QUERY, 5), "fraud")
    server.thaw()
    until(answers, "the store answers again")


def test_a_record_is_two_states_and_three_numbers():
    assert RECORD.itemsize == 2 * blank(1).itemsize + 24
    assert DEVICE_RECORD.itemsize == 2 * unseen(1).itemsize + 24


def devices(*first_s: int) -> Records:
    made = unseen(len(first_s))
    made["first_s"] = first_s
    return made


def test_devices_are_kept_like_cards(store):
    store.write(["a"], states(1), states(2), Batch(QUERY, 4), Devices(["p", "q"], devices(1, 2), devices(11, 12)))
    again = store.read(["a"], Batch(QUERY, 4), "fraud", ["x"], ["r", "q", "p"])
    assert again.devices["first_s"].tolist() == [0, 2, 1]
    assert (again.states["payments"].tolist(), len(again.sellers)) == ([1], 1)
    following = store.read([], Batch(QUERY, 5), "fraud", devices=["q"])
    assert following.devices["first_s"].tolist() == [12]
    assert store.peek(["a"], "fraud", ["x"], ["q"]).devices["first_s"].tolist() == [12]


def sighted(*seconds: int) -> Records:
    """Build the state of a device that was seen at these seconds."""
    made = unseen(1)
    made["first_s"] = min(seconds)
    made["sightings"][0, : len(seconds)] = sorted((np.uint64(second) << np.uint64(32) for second in seconds), reverse=True)
    return made


def test_tasks_of_a_batch_that_write_one_device_keep_what_all_have_seen(store):
    for seen in (sighted(5, 7), sighted(5, 6), sighted(5, 7)):
        store.write([], blank(0), blank(0), Batch(QUERY, 4), Devices(["p"], sighted(5), seen))
    assert store.read([], Batch(QUERY, 5), "fraud", devices=["p"]).devices.tobytes() == sighted(5, 6, 7).tobytes()
    assert store.read([], Batch(QUERY, 4), "fraud", devices=["p"]).devices.tobytes() == sighted(5).tobytes()
    store.write([], blank(0), blank(0), Batch(QUERY, 5), Devices(["p"], sighted(5, 6, 7), sighted(9)))
    assert store.peek([], "fraud", devices=["p"]).devices.tobytes() == sighted(9).tobytes()


def test_a_task_that_writes_while_another_joins_is_not_forgotten(store, monkeypatch):
    others = iter([sighted(5, 8), sighted(5, 9)])
    mget = store.writer.mget

    def slow_mget(keys):
        found = mget(keys)
        for seen in others:
            store.write([], blank(0), blank(0), Batch(QUERY, 4), Devices(["p"], sighted(5), seen))
        return found

    store.write([], blank(0), blank(0), Batch(QUERY, 4), Devices(["p"], sighted(5), sighted(5, 6)))
    monkeypatch.setattr(store.writer, "mget", slow_mget)
    store.write([], blank(0), blank(0), Batch(QUERY, 4), Devices(["p"], sighted(5), sighted(5, 7)))
    assert store.peek([], "fraud", devices=["p"]).devices.tobytes() == sighted(5, 6, 7, 8, 9).tobytes()


def test_many_devices_are_joined_each_with_its_own(store):
    names, numbers = [f"device-{i}" for i in range(1203)], range(1, 1204)
    for offset in (0, 5000):
        after = np.concatenate([sighted(number + offset) for number in numbers])
        store.write([], blank(0), blank(0), Batch(QUERY, 0), Devices(names, unseen(len(names)), after))
    left = store.peek([], "fraud", devices=names).devices
    assert left.tobytes() == np.concatenate([sighted(number, number + 5000) for number in numbers]).tobytes()


def test_a_device_that_has_folded_a_later_batch_is_refused(store):
    store.write([], blank(0), blank(0), Batch(QUERY, 4), Devices(["p"], devices(1), devices(2)))
    with pytest.raises(CheckpointError, match="later batch than 3"):
        store.read([], Batch(QUERY, 3), "fraud", devices=["p"])


def sellers(*payments: int, after_us: int = 7) -> Records:
    made = np.zeros(len(payments), SELLER_RECORD)
    made["after"]["payments"], made["after_us"] = payments, after_us
    return made


def test_what_is_known_of_sellers_comes_with_the_cards_in_the_order_asked_for(store):
    store.write(["a"], states(1), states(2), Batch(QUERY, 4))
    store.write_sellers(["x", "y"], sellers(5, 6))
    reading = store.read(["a", "b"], Batch(QUERY, 5), "fraud", ["y", "z", "x"])
    assert reading.states["payments"].tolist() == [2, 0]
    assert reading.sellers["after"]["payments"].tolist() == [6, 0, 5]
    assert store.read_sellers(["x"]).tobytes() == sellers(5).tobytes()


def test_until_when_sellers_are_known_is_told_and_is_never_before_the_first_publishing_with_that_label_delay(store):
    assert store.sellers_known_us(3) == 0
    store.note_sellers_known(7, 3)
    assert (store.sellers_known_us(3), store.sellers_known_us(4)) == (7, 0)
    store.note_sellers_known(9, 4)
    assert (store.sellers_known_us(3), store.sellers_known_us(4)) == (0, 9)


def test_forgotten_cards_and_devices_have_never_paid_and_models_stay(store, server):
    cards = [f"card-{i}" for i in range(CARDS_PER_COMMAND + 1)]
    seen = Devices(["p", "q"], devices(1, 2), devices(1, 2))
    store.write(cards, blank(len(cards)), states(*range(len(cards))), Batch(QUERY, 4), seen)
    store.publish(a_packed_model("3"))
    store.forget_cards()
    assert server.client.keys("card:*") == server.client.keys("device:*") == []
    assert store.current_version("fraud") == "3"
