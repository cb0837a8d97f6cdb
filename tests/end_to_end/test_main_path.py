"""The main path as a user runs it: history, first model, live events with faults, kill -9 in the
middle, and the balance.
"""

import io
import json
import re
from pathlib import Path

import fastavro
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from processes import LIMIT_S, finished, kill, running
from trino_lake import Lake
from waiting import until

from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.kafka.topics import end_offsets
from pipelines.silver import REFINED
from simulator.event import TOPICS

pytestmark = pytest.mark.end_to_end

SCORES, ALERTS = "tidemark.fraud_scores", "tidemark.alerts"
SILVER = {str(silver.TABLE.topic): silver.TABLE.name for silver in REFINED}
SHOP = {topic: name for topic, name in SILVER.items() if topic in TOPICS}
NONE = {"events": 0, "records": 0, "corrupt": 0}
Story = tuple[Lake, dict[str, dict[str, int]]]
FAULTS = ("--duplicates", "1%", "--late", "2%", "--corrupt", "0.5%")
HISTORY = ("--days", "45", "--orders-per-day", "1000", "--schema-v2-after", "15d")


# When gold has taken in all of silver: what gold adds up to, and what silver does.
REACHED = {
    "gold has every order": ("SELECT count(*) FROM gold.orders", "SELECT count(DISTINCT order_id) FROM silver.orders"),
    "every order has its last version": (
        "SELECT sum(version) FROM gold.orders",
        "SELECT sum(v) FROM (SELECT max(version) AS v FROM silver.orders GROUP BY order_id)",
    ),
    "the metrics have every order": (
        "SELECT sum(orders) FROM gold.business_metrics",
        "SELECT count(*) FROM silver.orders WHERE status = 'placed'",
    ),
    "the metrics have every session": (
        "SELECT sum(sessions) FROM gold.business_metrics",
        "SELECT count(*) FROM silver.clicks WHERE position = 1",
    ),
    "every session of the past is there": (
        "SELECT count(*) FROM (SELECT session_id FROM silver.clicks GROUP BY 1 HAVING max(event_at) < "
        "(SELECT max(event_at) FROM silver.clicks) - INTERVAL '2' HOUR EXCEPT SELECT session_id FROM gold.sessions)",
        "SELECT 0",
    ),
    "every movement is in stock": ("SELECT sum(on_hand) FROM gold.stock_levels", "SELECT sum(quantity) FROM silver.inventory"),
    "every piece is with its seller": (
        "SELECT sum(items) FROM gold.seller_activity",
        "SELECT sum(reduce(items, 0, (s, i) -> s + i.quantity, s -> s)) FROM silver.orders WHERE status = 'placed'",
    ),
}


def sent(*ledgers: Path) -> dict[str, dict[str, int]]:
    """Add up the producers' ledgers, by topic."""
    totals: dict[str, dict[str, int]] = {}
    for ledger in ledgers:
        for topic, counts in json.loads(ledger.read_text()).items():
            before = totals.setdefault(topic, {})
            totals[topic] = {name: before.get(name, 0) + count for name, count in counts.items()}
    return totals


def messages(chosen: Settings, topic: str) -> list[bytes]:
    """Return the values of all the records that a topic holds now."""
    ends = end_offsets(chosen.kafka, topic)
    consumer = Consumer({"bootstrap.servers": chosen.kafka.bootstrap_servers, "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
    found = [consumer.poll(30) for _ in range(sum(ends.values()))]
    consumer.close()
    return [bytes(each.value() or b"") for each in found if each is not None]


def spoil(chosen: Settings, topic: str) -> None:
    """Send a record to the topic that nobody can decode."""
    producer = Producer({"bootstrap.servers": chosen.kafka.bootstrap_servers})
    producer.produce(topic, b"spoilt")
    assert producer.flush(30) == 0


@pytest.fixture(scope="module")
def story(local_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Live through it once: the tests below look at what is left."""
    folder = tmp_path_factory.mktemp("story")
    log, past, live = folder / "streams.log", folder / "past.json", folder / "live.json"
    lake = Lake()
    finished("jobs/tasks/register_contracts.py")
    finished("-m", "simulator", "history", *HISTORY, "--ledger", str(past))
    with running(log, "jobs/streams/run_all.py") as streams:
        finished("jobs/tasks/train_fraud_model.py")
        before = lake.count("silver.clicks")
        with running(
            folder / "simulator.log",
            "-m",
            "simulator",
            "--rate",
            "200",
            "--duration",
            "30s",
            "--steady",
            "--ledger",
            str(live),
            *FAULTS,
        ) as shop:
            until(lambda: lake.count("silver.clicks") > before, "live clicks are in silver", streams, shop)
            until(lambda: lake.count("silver.fraud_scores") > 0, "payments are scored", streams, shop)
            spoil(local_stack, SCORES)
            kill(streams)
            assert shop.wait(LIMIT_S) == 0
    with running(log, "jobs/streams/run_all.py") as streams:
        counts = {**dict.fromkeys(SHOP, NONE), **sent(past, live)}
        until(
            lambda: all(lake.count(SHOP[topic]) >= counts[topic]["events"] for topic in SHOP), "silver has every event", streams
        )
        refused = 1 + sum(each["corrupt"] for each in counts.values())
        until(lambda: lake.count("silver.quarantine") >= refused, "quarantine has every spoilt record", streams)
        until(
            lambda: lake.count("gold.fraud_scores") >= counts["shop.payments"]["events"],
            "every payment is scored in gold",
            streams,
        )
        ends = sum(sum(end_offsets(local_stack.kafka, topic).values()) for topic in SILVER)
        until(lambda: lake.count("bronze.events") >= ends, "bronze has every record", streams)
        for answer, (gold, silver) in REACHED.items():
            until(lambda gold=gold, silver=silver: lake.one(gold) == lake.one(silver), answer, streams)
    return lake, counts


def test_the_balance_holds_after_kill_9(story: Story) -> None:
    balances = {each["topic"]: each for each in json.loads(finished("jobs/tasks/balance.py", "--json").stdout)}
    assert balances.keys() == SILVER.keys()
    for balance in balances.values():
        assert (balance["in_flight"], balance["missing"], balance["doubled"]) == (0, 0, 0), balance


@pytest.mark.parametrize("topic", sorted(SHOP))
def test_every_event_is_in_silver_once_and_every_record_in_bronze(story: Story, local_stack: Settings, topic: str) -> None:
    lake, counts = story
    assert lake.count(SILVER[topic]) == counts[topic]["events"]
    assert lake.one(f"SELECT count(DISTINCT event_id) FROM {SILVER[topic]}") == counts[topic]["events"]
    assert lake.count("bronze.events", f"topic = '{topic}'") == counts[topic]["records"]
    assert sum(end_offsets(local_stack.kafka, topic).values()) == counts[topic]["records"]


def test_every_payment_s_score_is_in_silver_once_and_every_record_of_it_in_bronze(story: Story, local_stack: Settings) -> None:
    lake, counts = story
    payments = counts["shop.payments"]["events"]
    assert lake.rows("SELECT count(*), count(DISTINCT event_id) FROM silver.fraud_scores") == [[payments, payments]]
    assert lake.count("bronze.events", f"topic = '{SCORES}'") == sum(end_offsets(local_stack.kafka, SCORES).values())


def test_what_was_spoilt_is_in_quarantine(story: Story) -> None:
    lake, counts = story
    spoilt = {topic: each["corrupt"] for topic, each in counts.items() if each["corrupt"]}
    assert spoilt
    assert dict(lake.rows("SELECT topic, count(*) FROM silver.quarantine GROUP BY 1")) == {**spoilt, SCORES: 1}


def test_gold_has_no_order_and_no_score_twice(story: Story) -> None:
    lake, counts = story
    orders, distinct = lake.rows("SELECT count(*), count(DISTINCT order_id) FROM gold.orders")[0]
    assert orders == distinct == lake.one("SELECT count(DISTINCT order_id) FROM silver.orders")
    scores, distinct = lake.rows("SELECT count(*), count(DISTINCT payment_id) FROM gold.fraud_scores")[0]
    assert scores == distinct == counts["shop.payments"]["events"]


def test_every_declined_payment_is_alerted(story: Story, local_stack: Settings) -> None:
    lake, _ = story
    schema = fastavro.parse_schema(json.loads(schemas.reader(ALERTS)))
    alerts = [fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, schema) for value in messages(local_stack, ALERTS)]
    declined = lake.rows("SELECT DISTINCT payment_id FROM silver.fraud_scores WHERE decision = 'decline'")
    assert declined
    assert {each["subject_id"] for each in alerts} == {payment_id for (payment_id,) in declined}


def test_gold_orders_are_in_their_latest_state(story: Story) -> None:
    lake, _ = story
    latest = "SELECT order_id, max(version) AS version, max_by(status, version) AS status FROM silver.orders GROUP BY 1"
    assert lake.rows(f"({latest}) EXCEPT SELECT order_id, version, status FROM gold.orders") == []


def test_metrics_equal_their_recomputation_from_silver(story: Story) -> None:
    lake, _ = story
    minute = "SELECT date_trunc('minute', event_at) AS minute, count(*)"
    placed = f"{minute} FROM silver.orders WHERE status = 'placed' GROUP BY 1"
    started = f"{minute} FROM silver.clicks WHERE position = 1 GROUP BY 1"
    assert lake.rows(f"SELECT minute, orders FROM gold.business_metrics WHERE orders > 0 EXCEPT ({placed})") == []
    assert lake.rows(f"({placed}) EXCEPT SELECT minute, orders FROM gold.business_metrics") == []
    assert lake.rows(f"({started}) EXCEPT SELECT minute, sessions FROM gold.business_metrics") == []


def test_stock_equals_the_sum_of_movements(story: Story) -> None:
    lake, _ = story
    summed = "SELECT product_id, sum(quantity) AS on_hand FROM silver.inventory GROUP BY 1"
    assert lake.rows(f"({summed}) EXCEPT SELECT product_id, on_hand FROM gold.stock_levels") == []


def test_both_writer_schemas_are_in_one_table(story: Story) -> None:
    lake, _ = story
    ids = "SELECT count(DISTINCT to_hex(substr(value, 2, 4))) FROM bronze.events"
    versions = f"{ids} WHERE topic = 'shop.payments' AND length(value) > 30"
    assert lake.one(versions) >= 2
    assert lake.count("silver.payments", "three_d_secure IS NOT NULL") > 0


def test_rebuilding_silver_from_bronze_gives_the_same_rows(story: Story) -> None:
    lake, _ = story
    before = lake.one("SELECT snapshot_id FROM silver.\"orders$refs\" WHERE name = 'main'")
    now, then = "SELECT * FROM silver.orders", f"SELECT * FROM silver.orders FOR VERSION AS OF {before}"
    count = lake.count("silver.orders")
    window = lake.rows("SELECT min(kafka_at) + interval '1' second, max(kafka_at) FROM silver.orders")[0]
    start, end = (moment.replace(tzinfo=None).isoformat() for moment in window)
    since, before_end = (f"TIMESTAMP '{moment.replace('T', ' ')} UTC'" for moment in (start, end))
    lake.write(f"DELETE FROM silver.orders WHERE kafka_at >= {since} AND kafka_at < {before_end}")
    assert lake.count("silver.orders") < count

    for _ in ("what is missing", "what is there"):
        finished("jobs/tasks/rebuild.py", "--table", "silver.orders", "--from", start, "--to", end)
        assert lake.count("silver.orders") == count
        assert lake.one(f"SELECT count(*) FROM (({now}) EXCEPT ({then}))") == 0
        assert lake.one(f"SELECT count(*) FROM (({then}) EXCEPT ({now}))") == 0


def test_recomputing_a_gold_table_changes_nothing(story: Story) -> None:
    lake, _ = story
    everything = "SELECT * FROM gold.seller_activity ORDER BY seller_id, window_start, currency"
    before = lake.rows(everything)
    finished("jobs/tasks/recompute.py", "--table", "gold.seller_activity")
    assert before
    assert lake.rows(everything) == before


def test_replaying_all_decisions_with_the_model_that_made_them_changes_none(story: Story) -> None:
    _, counts = story
    ever = ("--from", "2000-01-01T00:00:00", "--to", "2100-01-01T00:00:00")
    printed = finished("jobs/tasks/replay_decisions.py", *ever, "--model", "fraud/1", COLUMNS="200").stdout
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if "│" in line]
    assert all(before == after for before, after, *_ in rows)
    assert int(rows[-1][2]) == counts["shop.payments"]["events"]
    assert rows[-1][-1] == "0.00"
    assert len(set(re.findall(r"--tag (replay_\d+)", printed))) == 1


def test_a_version_becomes_the_champion_by_hand(story: Story) -> None:
    assert "champion_set" in finished("jobs/tasks/promote_fraud_model.py", "--to", "1").stderr
