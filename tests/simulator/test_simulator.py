"""The simulator against a real broker and registry: what the ledger says was sent is what the
topics hold.
"""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from fastavro import parse_schema, schemaless_reader
from olist import tiny_archive
from waiting import until

from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry, topics
from simulator import snapshot
from simulator.event import TOPICS

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(local_stack: Settings) -> Settings:
    """The stack with contracts and topics."""
    schema_registry.register_contracts()
    topics.create_missing(local_stack.kafka, schemas.topics())
    return local_stack


@pytest.fixture
def ends(stack: Settings) -> dict[tuple[str, int], int]:
    """Where every partition of every topic ends before the test."""
    consumer = a_consumer(stack)
    found = {}
    for topic in TOPICS:
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            found[topic, partition] = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
    consumer.close()
    return found


def a_consumer(stack: Settings) -> Consumer:
    servers = {"bootstrap.servers": stack.kafka.bootstrap_servers, "group.id": "tests", "enable.auto.commit": False}
    return Consumer({**servers, "enable.partition.eof": True})


def new_messages(stack: Settings, ends: dict[tuple[str, int], int]) -> Iterator[Any]:
    """Yield every message after `ends`, partition by partition."""
    consumer = a_consumer(stack)
    consumer.assign([TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()])
    open_partitions = len(ends)
    while open_partitions:
        message = consumer.poll(10)
        assert message is not None, "the broker has gone silent"
        if message.error():
            open_partitions -= 1
        else:
            yield message
    consumer.close()


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@cache
def writer(topic: str, schema_id: int) -> Any:
    """Return a schema of the registry as fastavro reads with it; raises KeyError where it knows
    none of that id.
    """
    return parse_schema(json.loads(schema_registry.writers(topic)[schema_id]))


def decoded(message: Any) -> dict[str, Any]:
    """Return the record of a message, read by fastavro with the writer schema that the header
    names.
    """
    value = message.value()
    schema = writer(message.topic(), int.from_bytes(value[1:5], "big"))
    record = schemaless_reader(io.BytesIO(value[5:]), schema, None)
    assert isinstance(record, dict)
    return record


def test_the_topics_hold_what_the_ledger_counts(stack: Settings, ends: dict[tuple[str, int], int], tmp_path: Path) -> None:
    faults = ["--duplicates", "5%", "--late", "5%", "--corrupt", "5%"]
    done = simulate("--duration", "3s", "--rate", "500", *faults, "--ledger", str(tmp_path / "ledger.json"))
    assert done.returncode == 0, done.stderr
    ledger = json.loads((tmp_path / "ledger.json").read_text())
    messages = list(new_messages(stack, ends))
    assert Counter(message.topic() for message in messages) == {topic: counts["records"] for topic, counts in ledger.items()}
    events = {(m.topic(), decoded(m)["event_id"]) for m in messages if is_readable(m)}
    assert Counter(topic for topic, _ in events) == {topic: counts["events"] for topic, counts in ledger.items()}


def is_readable(message: Any) -> bool:
    try:
        decoded(message)
    except (KeyError, TypeError, EOFError, IndexError, ValueError):
        return False
    return True


def test_at_speed_one_no_event_leaves_before_it_happens(stack: Settings, ends: dict[tuple[str, int], int]) -> None:
    began = time.time()
    assert simulate("--duration", "3s", "--seed", "11").returncode == 0
    clicks = [
        (decoded(m)["event_at"].timestamp(), m.timestamp()[1] / 1_000)
        for m in new_messages(stack, ends)
        if "click" in m.topic()
    ]
    delays = sorted(arrived - happened for happened, arrived in clicks)
    assert delays[0] > -0.01
    assert min(happened for happened, _ in clicks) > began


def test_first_schemas_come_first_and_the_newest_later(stack: Settings, ends: dict[tuple[str, int], int]) -> None:
    done = simulate("--duration", "4s", "--speed", "x3600", "--rate", "1", "--seed", "12", "--schema-v2-after", "2h")
    assert done.returncode == 0, done.stderr
    first, newest = (schema_registry.id_of_version("shop.orders", number) for number in (1, 2))
    by_time = sorted(
        (decoded(m)["event_at"], int.from_bytes(m.value()[1:5], "big"))
        for m in new_messages(stack, ends)
        if "orders" in m.topic()
    )
    ids = [schema_id for _, schema_id in by_time]
    assert ids == sorted(ids, key=[first, newest].index)
    assert set(ids) == {first, newest}


def test_history_ends_now_and_the_live_shop_goes_on_from_it(
    stack: Settings, ends: dict[tuple[str, int], int], tmp_path: Path
) -> None:
    past = simulate("history", "--days", "2", "--orders-per-day", "50", "--seed", "13", "--ledger", str(tmp_path / "past.json"))
    assert past.returncode == 0, past.stderr
    saved = snapshot.read(13)
    assert saved is not None
    assert abs(saved["shop"]["world"]["now"] / 1e6 - time.time()) < 1_800
    live = simulate("--duration", "2s", "--seed", "13", "--ledger", str(tmp_path / "live.json"))
    assert live.returncode == 0, live.stderr
    sent = [json.loads((tmp_path / name).read_text()) for name in ("past.json", "live.json")]
    events = Counter((m.topic(), decoded(m)["event_id"]) for m in new_messages(stack, ends))
    assert len(events) == sum(counts["events"] for ledger in sent for counts in ledger.values())
    assert max(events.values()) == 1
    again = simulate("history", "--days", "2", "--seed", "13", "--ledger", str(tmp_path / "again.json"))
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "again.json").read_text()) == {}


def test_after_kill_9_nothing_is_missing_and_what_comes_twice_is_the_same(
    stack: Settings, ends: dict[tuple[str, int], int], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "simulator", "--rate", "500", "--seed", "16"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(lambda: sum(1 for _ in new_messages(stack, ends)) > 3_000, "the shop has sent its stock and more")
        process.kill()
    killed = [copy(message) for message in new_messages(stack, ends)]
    again = simulate("--duration", "1s", "--rate", "500", "--seed", "16")
    assert again.returncode == 0, again.stderr
    events: dict[Any, set[Any]] = defaultdict(set)
    for message in new_messages(stack, ends):
        events[copy(message)[:2]].add(copy(message))
    assert {len(copies) for copies in events.values()} == {1}
    assert set(killed) <= {each for copies in events.values() for each in copies}
    opening = [movement["product_id"] for movement in opening_stock(new_messages(stack, ends))]
    assert len(set(opening)) == len(opening) > 2_000


def copy(message: Any) -> tuple[str, str, bytes]:
    """Return a message's topic, event id and bytes."""
    return message.topic(), decoded(message)["event_id"], message.value()


def opening_stock(messages: Iterator[Any]) -> list[dict[str, Any]]:
    """Return the different corrections of the moment at which a shop opened."""
    movements = {m["event_id"]: m for m in map(decoded, (m for m in messages if m.topic() == "shop.inventory"))}
    first = min(movement["event_at"] for movement in movements.values())
    return [m for m in movements.values() if (m["kind"], m["event_at"]) == ("correction", first)]


def test_sigterm_ends_it_with_everything_acknowledged(
    stack: Settings, ends: dict[tuple[str, int], int], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "simulator", "--rate", "500", "--seed", "14", "--ledger", str(tmp_path / "ledger.json")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TIDEMARK_LOG": "json"}) as process:
        assert process.stderr is not None
        assert any("shop_open" in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    ledger = json.loads((tmp_path / "ledger.json").read_text())
    assert Counter(m.topic() for m in new_messages(stack, ends)) == {
        topic: counts["records"] for topic, counts in ledger.items()
    }


def test_the_replay_sends_an_archives_orders(stack: Settings, ends: dict[tuple[str, int], int], tmp_path: Path) -> None:
    done = simulate("replay-olist", "--archive", str(tiny_archive(tmp_path)), "--speed", "x1000000", "--duration", "2s")
    assert done.returncode == 0, done.stderr
    orders = [decoded(m) for m in new_messages(stack, ends) if m.topic() == "shop.orders"]
    assert len(orders) == 9
    assert min(order["placed_at"] for order in orders).isoformat() == "2016-09-04T21:15:19+00:00"
    assert all(order["event_id"].startswith("olist-") for order in orders)
