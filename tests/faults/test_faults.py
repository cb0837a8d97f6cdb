"""Records of every awkward kind, while one process after the other is killed: nothing is lost,
nothing is doubled, nothing stops.

`make faults` does it for longer, kills everything there is, and writes the receipt `reliability`.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from statistics import median

import pytest
from awkward import ERASED, KEYS, QUARANTINE, REFUND, SILVER, Ledger, Shop
from killer import VICTIMS, chosen
from processes import finished
from pyiceberg.expressions import GreaterThanOrEqual
from trino.exceptions import Error as TrinoError
from trino_lake import Lake
from waiting import until

from benchmarks import receipt
from dashboards.cache import Cached
from dashboards.pages.fraud.board import Board as FraudBoard
from dashboards.pages.live.board import Board as LiveBoard
from dashboards.settings import Settings as PageSettings
from dashboards.trino import client
from jobs.streams import run_all
from jobs.tasks import train_fraud_model
from pipelines.base.settings import Settings
from pipelines.lake.arrow import find, open_catalogue
from pipelines.tables import TABLES as TABLES_OF_THE_LAKE
from stack import failing_queries, folders, lifecycle, programs, supervision
from stack.services import services

pytestmark = pytest.mark.end_to_end

TABLES = {topic: topic.replace("shop.", "silver.") for topic in KEYS}
EXPOSURES = "silver.exposures"
WITHIN_S = 300.0


@dataclass(frozen=True)
class Aftermath:
    """What is left when all was sent, killed and caught up."""

    lake: Lake
    ledger: Ledger
    began: datetime
    recovered_s: dict[str, list[float]]
    balances: dict[str, dict[str, int]]
    balances_before: dict[str, dict[str, int]]
    scaled: str  # the payment of 12.34 that was written with four decimals


def balances() -> dict[str, dict[str, int]]:
    """What the balance counts, by topic; it does not hold while records are under way."""
    shown = finished("jobs/tasks/balance.py", "--json", expect=None).stdout
    return {each["topic"]: each for each in json.loads(shown)}


def has(lake: Lake, table: str, event_id: str) -> bool:
    """Whether a table has an event; not while nobody can say."""
    try:
        return lake.count(table, f"event_id = '{event_id}'") > 0
    except (TrinoError, OSError):
        return False


def recover(lake: Lake, shop: Shop) -> float:
    """Return the seconds until an order sent now is in silver and a payment sent now has a score
    there.
    """
    began = time.monotonic()
    order, payment = shop.good("shop.orders", "after a kill"), shop.good("shop.payments", "after a kill")
    assert shop.producer.flush(WITHIN_S) == 0
    until(lambda: has(lake, "silver.orders", order), "an order is in silver again", within_s=WITHIN_S)
    until(lambda: has(lake, "silver.fraud_scores", f"score-{payment}"), "a payment is scored again", within_s=WITHIN_S)
    return time.monotonic() - began


def erase(lake: Lake, shop: Shop) -> None:
    """Delete an order from silver, as somebody does who was asked to, once gold has it."""
    order = shop.good("shop.orders", "deleted by hand", ERASED)
    assert shop.producer.flush(WITHIN_S) == 0
    until(lambda: has(lake, "silver.orders", order), "the order is in silver", within_s=WITHIN_S)
    in_gold = f"order_id = '{order.replace('odd-', 'order_id-')}'"
    until(lambda: lake.count("gold.orders", in_gold) == 1, "the order is in gold", within_s=WITHIN_S)
    lake.write(f"DELETE FROM lake.silver.orders WHERE event_id = '{order}'")


def logged() -> list[str]:
    """What the streams have logged so far."""
    return folders.log("streams").read_text().splitlines()


def wait_until_renewed(before: int, topics: set[str]) -> None:
    """Return when the streams have noticed new schemas of these topics, behind so many lines of
    their log, and every query that decodes one of them has started again.
    """
    queries = run_all.queries()

    def renewed() -> bool:
        lines = [json.loads(line) for line in logged()[before:] if line.startswith("{")]
        changes = [(at, {*line["topics"]}) for at, line in enumerate(lines) if line["event"] == "schemas_changed"]
        started = [(at, line["query"]) for at, line in enumerate(lines) if line["event"] == "query_started"]
        wanted = [(at, query.name) for at, changed in changes for query in queries if changed & {*query.topics}]
        known = set().union(*(changed for _, changed in changes)) if changes else set()
        return topics <= known and all(any(name == query and then > at for then, name in started) for at, query in wanted)

    until(renewed, f"queries know new schemas of {', '.join(topics)}", within_s=WITHIN_S)


@pytest.fixture(scope="module")
def aftermath(local_stack: Settings, request: pytest.FixtureRequest) -> Iterator[Aftermath]:
    """Live through it once: the tests below look at what is left."""
    seed, kills = (int(request.config.getoption(name)) for name in ("--faults-seed", "--faults-kills"))
    lake, shop = Lake(), Shop(local_stack, seed)
    finished("jobs/tasks/register_contracts.py")
    if train_fraud_model.is_needed():  # run alone, or behind tests whose payments teach nothing
        finished("-m", "simulator", "history", "--days", "45", "--orders-per-day", "1000")
    streams = programs.streams()
    lifecycle.up([streams], [*services(), streams], lambda name, seconds: None)
    try:
        finished("jobs/tasks/train_fraud_model.py", "--if-needed")
        recover(lake, shop)
        before, began = balances(), datetime.now(UTC)
        recovered: dict[str, list[float]] = {}
        for topic in KEYS:
            shop.extreme(topic)
        erase(lake, shop)
        scaled = shop.of_other_schemas(partial(wait_until_renewed, len(logged())))
        for victim in chosen(seed, kills):
            shop.everything()
            VICTIMS[victim]()
            recovered.setdefault(victim, []).append(recover(lake, shop))
        shop.everything()
        catch_up(lake, shop.ledger, began)
        yield Aftermath(lake, shop.ledger, began, recovered, balances(), before, scaled)
    finally:
        supervision.stop("streams")


def catch_up(lake: Lake, ledger: Ledger, began: datetime) -> None:
    """Return when every table has what it is to have."""
    for topic in KEYS:
        until(partial(has_every_event, lake, topic, ledger), f"{TABLES[topic]} has every event", within_s=WITHIN_S)
    refused = sum(len(ledger.of(topic, QUARANTINE)) for topic in KEYS)
    until(lambda: quarantined(lake, began) >= refused, "quarantine has what was refused", within_s=WITHIN_S)
    paid, ordered = len(ledger.of("shop.payments", SILVER)), len(ledger.of("shop.orders", SILVER))
    until(
        lambda: lake.count("gold.fraud_scores", f"payment_id LIKE 'payment_id-{ledger.run}-%'") >= paid,
        "every payment is scored in gold",
    )
    placed = f"order_id LIKE 'order_id-{ledger.run}-%'"
    until(lambda: lake.count("gold.orders", placed) >= ordered, "gold has every order", within_s=WITHIN_S)
    until(lambda: not any(each["in_flight"] for each in balances().values()), "nothing is in flight", within_s=WITHIN_S)


def has_every_event(lake: Lake, topic: str, ledger: Ledger) -> bool:
    wanted = len(ledger.of(topic, SILVER) | ledger.of(topic, REFUND))
    return lake.count(TABLES[topic], f"event_id LIKE 'odd-{ledger.run}-%'") >= wanted


def quarantined(lake: Lake, began: datetime) -> int:
    return lake.count(
        "silver.quarantine", f"topic LIKE 'shop.%' AND timestamp >= from_iso8601_timestamp('{began.isoformat()}')"
    )


@pytest.mark.parametrize("topic", sorted(KEYS))
def test_every_event_is_in_silver_once_and_no_other_is(aftermath: Aftermath, topic: str) -> None:
    found = [
        row[0]
        for row in aftermath.lake.rows(
            f"SELECT event_id FROM {TABLES[topic]} WHERE event_id LIKE 'odd-{aftermath.ledger.run}-%'"
        )
    ]
    assert len(found) == len(set(found))
    assert set(found) == aftermath.ledger.of(topic, SILVER) | aftermath.ledger.of(topic, REFUND)


def test_an_amount_of_another_scale_is_what_was_meant(aftermath: Aftermath) -> None:
    assert aftermath.lake.one(f"SELECT amount FROM silver.payments WHERE event_id = '{aftermath.scaled}'") == Decimal("12.34")


def test_every_payment_has_one_score_in_gold(aftermath: Aftermath) -> None:
    paid = {event.replace("odd-", "payment_id-") for event in aftermath.ledger.of("shop.payments", SILVER)}
    rows = aftermath.lake.rows(
        f"SELECT payment_id FROM gold.fraud_scores WHERE payment_id LIKE 'payment_id-{aftermath.ledger.run}-%'"
    )
    assert sorted(row[0] for row in rows) == sorted(paid)


def test_the_balance_holds(aftermath: Aftermath) -> None:
    for topic in KEYS:
        now, before = aftermath.balances[topic], aftermath.balances_before[topic]
        grown = {name: now[name] - before[name] for name in ("quarantined", "missing", "doubled")}
        # Bronze still has what was deleted from silver, so the balance says that silver lacks it.
        assert grown["missing"] == len(aftermath.ledger.of(topic, ERASED)), (topic, now)
        assert grown["doubled"] == now["in_flight"] == 0, (topic, now)
        assert grown["quarantined"] >= len(aftermath.ledger.of(topic, QUARANTINE)), (topic, now)


def test_pyiceberg_reads_every_value(aftermath: Aftermath) -> None:
    since = aftermath.began.isoformat()
    with open_catalogue() as catalogue:
        for table in TABLES_OF_THE_LAKE.values():
            arrived = next((name for name in ("kafka_at", "timestamp") if name in table.column_names), None)
            found = find(catalogue, table)
            assert found is not None
            rows = found.scan(row_filter=GreaterThanOrEqual(term=arrived, value=since)) if arrived else found.scan()
            read = rows.to_arrow().to_pylist()
            # This shop shows nobody any list.
            assert read or EXPOSURES in (table.name, *table.made_from)


def test_every_question_of_the_pages_is_answered(aftermath: Aftermath, local_stack: Settings) -> None:
    trino = local_stack.trino
    ask = client(PageSettings(trino_host=trino.host, trino_port=trino.port, catalog_name=local_stack.catalog.name))
    live, fraud = LiveBoard(ask), FraudBoard(ask, timedelta(days=local_stack.fraud.label_delay_days))
    questions = {
        f"{type(board).__module__}.{name}": each
        for board in (live, fraud)
        for name, each in vars(board).items()
        if isinstance(each, Cached)
    }
    assert len(questions) > 10
    assert {name: each().problem for name, each in questions.items() if each().problem} == {}


def test_no_query_fails_any_more(aftermath: Aftermath) -> None:
    assert failing_queries.found() == []


def test_the_receipt_says_what_was_tried(aftermath: Aftermath, request: pytest.FixtureRequest) -> None:
    """Written where it was asked for; otherwise only made."""
    seconds = [each for times in aftermath.recovered_s.values() for each in times]
    lost = sum(each["missing"] for each in aftermath.balances.values()) - len(aftermath.ledger.of("shop.orders", ERASED))
    metrics = {
        "kinds_count": len(aftermath.ledger.kinds),
        "records_count": aftermath.ledger.records,
        "kills_count": len(seconds),
        "lost_count": lost,
        "doubled_count": sum(each["doubled"] for each in aftermath.balances.values()),
        "recovered_p50_s": median(seconds),
        "recovered_longest_s": max(seconds),
    }
    assert metrics["records_count"] > metrics["kinds_count"] > 20
    if request.config.getoption("--faults-receipt"):
        chosen_by = {"seed": request.config.getoption("--faults-seed"), "killed": sorted(aftermath.recovered_s)}
        receipt.write("reliability", {**chosen_by, "kinds": aftermath.ledger.kinds}, metrics)
