"""The consumer that the documents show acts on each score once, and goes on where it had come
to.
"""

import uuid
from urllib.parse import urlsplit

import pytest
from builders import a_score
from confluent_kafka import Producer
from processes import finished
from slow_proxy import a_slow_proxy

from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry, topics
from simulator.encoding import framed

TOPIC = "tidemark.fraud_scores"
EXAMPLE = "docs/examples/consume_fraud_scores.py"


def send(stack: Settings, topic: str, *scores: dict[str, object]) -> None:
    """Send scores as the scorer encodes them."""
    encode = framed(schemas.reader(TOPIC), schema_registry.newest_id(TOPIC))
    producer = Producer({"bootstrap.servers": stack.kafka.bootstrap_servers})
    for score in scores:
        producer.produce(topic, encode(score), str(score["card_id"]))
    assert producer.flush(60) == 0


def number(n: int, run: str) -> dict[str, object]:
    """Score n of this run, in the simulator's types: money in cents, time in microseconds."""
    times = {"event_at": 1_790_000_000_000_000, "scored_at": 1_790_000_000_200_000}
    ids = {"event_id": f"score-{run}-{n}", "payment_id": f"{run}-{n}", "card_id": run}
    return a_score(**ids, **times, amount=1200, decision="decline", reasons=["amount of this payment: 1000 (money)"])


def a_cut_score(run: str) -> bytes:
    """A score that lost its end."""
    encode = framed(schemas.reader(TOPIC), schema_registry.newest_id(TOPIC))
    return encode(number(0, run))[:-20]


@pytest.mark.integration
def test_each_score_is_acted_on_once_also_after_a_restart(local_stack: Settings) -> None:
    finished("jobs/tasks/register_contracts.py")
    run = uuid.uuid4().hex
    topics.create_missing(local_stack.kafka, [run])
    url, brokers = local_stack.schema_registry.url, local_stack.kafka.bootstrap_servers
    command = [EXAMPLE, "--brokers", brokers, "--registry", url, "--topic", run, "--stop-after"]
    send(local_stack, run, number(1, run), number(1, run), number(2, run))
    lines = finished(*command, "2").stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"{run}-1", f"{run}-2"]
    assert lines[-1].endswith("decline, probability 0.100, because of amount of this payment: 1000 (money)")
    send(local_stack, run, number(3, run))
    assert [line.partition(":")[0] for line in finished(*command, "1").stdout.splitlines()] == [f"{run}-3"]


@pytest.mark.integration
def test_a_record_that_is_no_score_is_told_and_gone_past(local_stack: Settings) -> None:
    finished("jobs/tasks/register_contracts.py")
    run = uuid.uuid4().hex
    topics.create_missing(local_stack.kafka, [run])
    url, brokers = local_stack.schema_registry.url, local_stack.kafka.bootstrap_servers
    producer = Producer({"bootstrap.servers": brokers})
    for value in (None, b"no score", b"\0\x7f\xff\xff\xffof no schema", a_cut_score(run)):
        producer.produce(run, value, run)
    assert producer.flush(60) == 0
    send(local_stack, run, number(1, run))
    command = [EXAMPLE, "--brokers", brokers, "--registry", url, "--topic", run, "--group", run, "--stop-after", "1"]
    done = finished(*command)
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [f"{run}-1"]
    assert done.stderr.count("no score, gone past") == 4


@pytest.mark.integration
def test_the_registry_is_asked_again_when_its_answer_got_lost(local_stack: Settings) -> None:
    finished("jobs/tasks/register_contracts.py")
    run = uuid.uuid4().hex
    topics.create_missing(local_stack.kafka, [run])
    send(local_stack, run, number(1, run))
    registry, brokers = urlsplit(local_stack.schema_registry.url), local_stack.kafka.bootstrap_servers
    with a_slow_proxy(registry.port or 80, lost=1) as proxy:
        url = registry._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
        done = finished(EXAMPLE, "--brokers", brokers, "--registry", url, "--topic", run, "--group", run, "--stop-after", "1")
        assert proxy.lost < 0  # more than the one that got no answer
    assert done.stdout.startswith(f"{run}-1:")


@pytest.mark.integration
def test_an_error_that_does_not_pass_ends_it(local_stack: Settings) -> None:
    url, brokers = local_stack.schema_registry.url, local_stack.kafka.bootstrap_servers
    command = [EXAMPLE, "--brokers", brokers, "--registry", url, "--topic", uuid.uuid4().hex]
    assert "UNKNOWN_TOPIC_OR_PART" in finished(*command, expect=1).stderr
