"""What fraud keeps in a real Valkey: cards, devices and sellers come back in the order asked for,
with the models that are published.
"""

import uuid

import numpy as np
import pytest
from fraud_models import a_packed_model

from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError, ServiceUnreachable
from pipelines.fraud.features.card_state import new_cards
from pipelines.fraud.features.device_state import new_devices
from pipelines.fraud.features.fold import States, nothing_known
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.features.seller_state import SELLER_RECORD
from pipelines.fraud.store import CARD_RECORD, DEVICE_RECORD, FraudStore
from pipelines.online_store.client import KEYS_PER_COMMAND
from pipelines.online_store.two_version_records import Batch

QUERY = str(uuid.UUID(int=1))


def keys(cards: str = "", devices: str = "", sellers: str = "") -> Keys:
    """Build keys of one letter each."""
    return Keys(list(cards), list(devices), list(sellers))


def states(cards: list[int], devices: list[int]) -> States:
    """Build states of cards with so many payments, and of devices first seen in these seconds."""
    made = States(new_cards(len(cards)), new_devices(len(devices)))
    made.cards["payments"], made.devices["first_s"][:, 0] = cards, devices
    return made


def numbers(found: States) -> tuple[list[int], list[int]]:
    return found.cards["payments"].tolist(), found.devices["first_s"][:, 0].tolist()


def starting(store: FraudStore, number: int, wanted: Keys) -> tuple[list[int], list[int]]:
    return numbers(store.read(wanted, Batch(QUERY, number), "fraud").known.states)


def test_who_was_never_seen_is_new_and_nothing_is_published(store):
    reading = store.read(keys("ab", "p", "x"), Batch(QUERY, 0), "fraud")
    assert reading.known.states.cards.tobytes() == new_cards(2).tobytes()
    assert reading.known.states.devices.tobytes() == new_devices(1).tobytes()
    assert reading.known.sellers.tobytes() == bytes(SELLER_RECORD.itemsize)
    assert (reading.model_version, reading.challenger_version) == (None, None)


def test_the_next_batch_starts_after_and_the_same_batch_before_for_cards_and_devices_alike(store):
    store.write(keys("ab", "pq"), states([1, 2], [1, 2]), states([11, 12], [11, 12]), Batch(QUERY, 4))
    assert starting(store, 4, keys("abc", "rqp")) == ([1, 2, 0], [0, 2, 1])
    assert starting(store, 5, keys("ba", "q")) == ([12, 11], [12])


def test_a_peek_sees_what_the_last_batch_left_whichever_that_was_and_names_the_model(store):
    store.write(keys("ab", "p"), states([1, 2], [1]), states([11, 12], [12]), Batch(QUERY, 4))
    store.models.publish(a_packed_model("3"))
    reading = store.peek(keys("bca", "p"), "fraud")
    assert (numbers(reading.known.states), reading.model_version) == (([12, 0, 11], [12]), "3")
    reading.known.states.cards["payments"] += 1
    assert numbers(store.peek(keys("b"), "fraud").known.states) == ([12], [])


def test_the_models_come_with_every_reading(store):
    store.models.publish(a_packed_model("1"))
    store.models.publish(a_packed_model("2"), "challenger")
    for wanted in (keys(), keys("a")):
        reading = store.read(wanted, Batch(QUERY, 0), "fraud")
        assert (reading.model_version, reading.challenger_version) == ("1", "2")


def test_a_card_or_a_device_that_has_folded_a_later_batch_is_refused(store):
    store.write(keys("a", "p"), states([1], [1]), states([2], [2]), Batch(QUERY, 4))
    for wanted in (keys("a"), keys("", "p")):
        with pytest.raises(CheckpointError, match="later batch than 3"):
            store.read(wanted, Batch(QUERY, 3), "fraud")


def test_a_record_of_another_size_counts_as_unknown(store, server):
    store.write(keys("a"), states([1], []), states([2], []), Batch(QUERY, 4))
    (key,) = server.client.keys("card:*")
    server.client.set(key, b"short")
    assert starting(store, 5, keys("a")) == ([0], [])


def test_a_record_is_two_states_and_three_numbers():
    assert CARD_RECORD.itemsize == 2 * new_cards(1).itemsize + 24
    assert DEVICE_RECORD.itemsize == 2 * new_devices(1).itemsize + 24


def test_a_stopped_store_is_one_sentence(store, server):
    server.stop()
    with pytest.raises(ServiceUnreachable, match="Could not read card states"):
        store.read(keys("a"), Batch(QUERY, 0), "fraud")


def test_a_full_store_is_one_short_sentence_without_the_cards(store, server):
    server.client.config_set("maxmemory", "1mb")
    wanted = Keys(["a-card"], [], [])
    before = nothing_known(wanted).states
    with pytest.raises(ServiceUnreachable, match="used memory > 'maxmemory'") as caught:
        store.write(wanted, before, before, Batch(QUERY, 0))
    assert "a-card" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_the_store_refuses_to_read_is_said_without_the_cards(store, server):
    server.client.execute_command("ACL", "SETUSER", "default", "-mget")
    with pytest.raises(ServiceUnreachable, match="no permissions") as caught:
        store.read(Keys(["a-card"], [], []), Batch(QUERY, 0), "fraud")
    assert "a-card" not in str(caught.value)


def sighted(*seconds: int) -> States:
    """Build the state of a device that was seen at these seconds."""
    made = new_devices(1)
    made["first_s"][:, 0] = min(seconds)
    made["sightings"][0, : len(seconds)] = sorted((np.uint64(second) << np.uint64(32) for second in seconds), reverse=True)
    return States(new_cards(0), made)


def test_tasks_of_a_batch_that_write_one_device_keep_what_all_have_seen(store):
    for seen in (sighted(5, 7), sighted(5, 6), sighted(5, 7)):
        store.write(keys("", "p"), sighted(5), seen, Batch(QUERY, 4))
    found = {number: store.read(keys("", "p"), Batch(QUERY, number), "fraud").known.states.devices for number in (4, 5)}
    assert found[4].tobytes() == sighted(5).devices.tobytes()
    assert found[5].tobytes() == sighted(5, 6, 7).devices.tobytes()


def sellers(*payments: int, after_us: int = 7) -> Records:
    made = np.zeros(len(payments), SELLER_RECORD)
    made["after"]["payments"], made["after_us"] = payments, after_us
    return made


def test_what_is_known_of_sellers_comes_with_the_cards_in_the_order_asked_for(store):
    store.write(keys("a"), states([1], []), states([2], []), Batch(QUERY, 4))
    store.write_sellers(["x", "y"], sellers(5, 6))
    for reading in (store.read(keys("ab", "p", "yzx"), Batch(QUERY, 5), "fraud"), store.peek(keys("ab", "p", "yzx"), "fraud")):
        assert numbers(reading.known.states) == ([2, 0], [0])
        assert reading.known.sellers["after"]["payments"].tolist() == [6, 0, 5]
    assert store.read_sellers(["x"]).tobytes() == sellers(5).tobytes()


def test_until_when_sellers_are_known_is_never_before_the_first_publishing_with_that_label_delay(store):
    assert store.sellers_known_us(3) == 0
    store.note_sellers_known(7, 3)
    assert (store.sellers_known_us(3), store.sellers_known_us(4)) == (7, 0)
    store.note_sellers_known(9, 4)
    assert (store.sellers_known_us(3), store.sellers_known_us(4)) == (0, 9)


def test_of_a_seller_of_whom_more_is_known_a_late_step_changes_nothing(store):
    store.write_sellers(["x"], sellers(5, after_us=7))
    with pytest.raises(CheckpointError, match="came late: of 1 sellers the online store knows more"):
        store.write_sellers(["x", "y"], sellers(3, 4, after_us=6))
    assert store.read_sellers(["x", "y"])["after"]["payments"].tolist() == [5, 4]
    store.write_sellers(["x"], sellers(6, after_us=7))
    assert store.read_sellers(["x"])["after"]["payments"].tolist() == [6]


def test_a_step_of_sellers_is_noted_only_over_the_one_that_it_began_with(store):
    store.note_step_of_sellers(0, 7, 3)
    store.note_step_of_sellers(7, 9, 3)
    with pytest.raises(CheckpointError, match="does not hold the states that it began with"):
        store.note_step_of_sellers(0, 7, 3)
    assert store.sellers_known_us(3) == 9


def test_cards_and_devices_of_a_later_batch_stay(store):
    for number, many in ((4, 1), (6, 3)):
        store.write(keys("a", "p"), states([many], [many]), states([many + 1], [many + 1]), Batch(QUERY, number))
    for wanted in (keys("ab"), keys("", "pq")):
        before = states([2] * len(wanted.cards), [2] * len(wanted.devices))
        with pytest.raises(CheckpointError, match=r"Batch 5 .* came late"):
            store.write(wanted, before, before, Batch(QUERY, 5))
    assert starting(store, 7, keys("a", "p")) == ([4], [4])


def test_forgotten_cards_and_devices_have_never_paid_and_models_stay(store, server):
    many = Keys([f"card-{i}" for i in range(KEYS_PER_COMMAND + 1)], ["p", "q"], [])
    store.write(many, nothing_known(many).states, nothing_known(many).states, Batch(QUERY, 4))
    store.models.publish(a_packed_model("3"))
    assert len(server.client.keys("*:*")) == KEYS_PER_COMMAND + 1 + 2 + 1 + 2
    store.forget_cards()
    assert server.client.keys("card:*") == server.client.keys("device:*") == server.client.keys("last_batch:*") == []
    assert store.models.current_version("fraud") == "3"


@pytest.mark.parametrize(("cards", "mgets"), [(0, 1), (3, 2), (KEYS_PER_COMMAND, 3)])
def test_a_batch_is_read_in_as_few_commands_as_before_and_a_peek_in_one(store, server, cards, mgets):
    def calls() -> int:
        return int(server.client.info("commandstats").get("cmdstat_mget", {"calls": 0})["calls"])

    wanted, before = Keys([f"card-{i}" for i in range(cards)], ["p"] if cards else [], ["x"] if cards else []), calls()
    store.read(wanted, Batch(QUERY, 0), "fraud")
    assert calls() == before + mgets
    store.peek(wanted, "fraud")
    assert calls() == before + mgets + 1
