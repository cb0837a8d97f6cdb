"""A page that really runs, and a way to ask it what a browser asks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

import httpx
import pytest
import trino
from dash.development.base_component import Component
from werkzeug.serving import make_server

from dashboards.app import site
from dashboards.pages.live import queries
from dashboards.settings import Settings
from dashboards.trino import Ask
from pipelines.base.settings import Settings as StackSettings

Fire = Callable[..., httpx.Response]
Run = Callable[..., list[list[Any]]]
Insert = Callable[..., None]

T0 = datetime(2126, 1, 1, 12, tzinfo=UTC)
AT = "timestamp(6) with time zone"
MONEY = "decimal(12,2)"
# Each table's columns with a value for the rows of these tests.
COLUMNS: dict[str, dict[str, tuple[str, Any]]] = {
    "gold.orders": {
        "order_id": ("varchar", "order"),
        "version": ("integer", 1),
        "status": ("varchar", "placed"),
        "customer_id": ("varchar", "customer"),
        "customer_city": ("varchar", "city"),
        "customer_state": ("varchar", "SP"),
        "session_id": ("varchar", "session"),
        "placed_at": (AT, T0),
        "estimated_delivery_at": (AT, T0),
        "updated_at": (AT, T0),
        "currency": ("varchar", "BRL"),
        "items_count": ("integer", 1),
        "goods_amount": (MONEY, Decimal("8.50")),
        "freight_amount": (MONEY, Decimal("2.00")),
        "amount": (MONEY, Decimal("10.50")),
        "promotion_code": ("varchar", None),
    },
    "gold.business_metrics": {
        "minute": (AT, T0),
        "currency": ("varchar", "BRL"),
        "orders": ("bigint", 4),
        "gmv": ("decimal(18,2)", Decimal("100.25")),
        "average_order_value": (MONEY, Decimal("25.06")),
        "sessions": ("bigint", 80),
        "conversion": ("double", 0.05),
    },
    "gold.fraud_scores": {
        "payment_id": ("varchar", "payment"),
        "card_id": ("varchar", "card"),
        "event_at": (AT, T0),
        "scored_at": (AT, T0),
        "latency_ms": ("double", 100.0),
        "amount": (MONEY, Decimal("5.00")),
        "currency": ("varchar", "BRL"),
        "probability": ("double", 0.5),
        "decision": ("varchar", "approve"),
        "reasons": ("array(varchar)", ["burst"]),
        "features": ("array(real)", []),
        "feature_set": ("varchar", "card_activity"),
        "model_name": ("varchar", "fraud"),
        "model_version": ("varchar", "7"),
        "degraded": ("boolean", False),
    },
    "silver.chargebacks": {
        "event_id": ("varchar", "event"),
        "event_at": (AT, T0),
        "payment_id": ("varchar", "payment"),
        "card_id": ("varchar", "card"),
        "fraud": ("boolean", True),
        "reason": ("varchar", "stolen_card"),
        "amount": (MONEY, Decimal("5.00")),
        "currency": ("varchar", "BRL"),
        "kafka_partition": ("integer", 0),
        "kafka_offset": ("bigint", 0),
        "kafka_at": (AT, T0),
    },
}
EVENT_TIMES = {"gold.orders": "placed_at", "gold.business_metrics": "minute"}


@contextmanager
def _served(chosen: Settings, path: str = "/") -> Iterator[httpx.Client]:
    """Serve the pages on a free port of loopback and yield a client of the one at that path."""
    # Not waitress: closing one whose threads still answer fails in them.
    server = make_server("127.0.0.1", 0, site(chosen), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}{path}", timeout=60) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _fire(client: httpx.Client, output: str, **inputs: object) -> httpx.Response:
    """Call the callback that fills `output`, as the browser does; inputs are named
    `tick__n_intervals=1`.
    """
    callback = next(c for c in client.get("/_dash-dependencies").json() if f"{output}." in c["output"])
    given = {name.replace("__", "."): value for name, value in inputs.items()}
    outputs = [dict(zip(("id", "property"), o.rsplit(".", 1), strict=True)) for o in callback["output"].strip(".").split("...")]
    asked = {
        "output": callback["output"],
        "outputs": outputs if callback["output"].startswith("..") else outputs[0],
        "inputs": [{**i, "value": given.get(f"{i['id']}.{i['property']}")} for i in callback["inputs"]],
        "changedPropIds": ["tick.n_intervals"],
    }
    return client.post("/_dash-update-component", json=asked)


def _shown(part: Any) -> str:
    """Every word that a part of a page shows, be it a component or its JSON, as one string."""
    if isinstance(part, Component):
        return _shown(part.to_plotly_json())
    if isinstance(part, list | tuple):
        return " ".join(_shown(p) for p in part)
    if isinstance(part, dict):
        return _shown(part["props"].get("children"))
    return "" if part is None else str(part)


@pytest.fixture(scope="session")
def fire() -> Fire:
    """How to call a callback of a served page."""
    return _fire


@pytest.fixture(scope="session")
def shown() -> Callable[[Any], str]:
    """How to read the words of an answer."""
    return _shown


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[httpx.Client]]:
    """How to serve the pages on a free port."""
    return _served


@pytest.fixture(scope="module")
def without_trino() -> Iterator[httpx.Client]:
    """A page whose Trino is not there: nothing listens on port 1."""
    with _served(Settings(trino_port=1)) as client:
        yield client


class Counted:
    """A door that counts the statements asked through it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self.statements = 0

    def __call__(self, statement: str, *parameters: object) -> list[list[Any]]:
        with self._lock:
            self.statements += 1
        return self._ask(statement, *parameters)


@pytest.fixture(scope="session")
def counting() -> Callable[[Ask], Counted]:
    """How to count what is asked through a door."""
    return Counted


@pytest.fixture(scope="session")
def run(local_stack: StackSettings) -> Run:
    """Run a statement that writes, however long it takes: the pages' own door gives up early."""
    there = local_stack.trino
    connection = trino.dbapi.connect(
        host=there.host, port=there.port, user=there.user, catalog="lake", legacy_prepared_statements=False
    )

    def statement(text: str, parameters: list[Any] | None = None) -> list[list[Any]]:
        return list(connection.cursor().execute(text, parameters).fetchall())

    return statement


@pytest.fixture(scope="session")
def insert(run: Run) -> Insert:
    """How to insert rows of defaults and changes."""

    def inserted(table: str, *rows: dict[str, Any]) -> None:
        columns = COLUMNS[table]
        places = f"({', '.join('?' for _ in columns)})"
        values = chain.from_iterable([row.get(name, default) for name, (_, default) in columns.items()] for row in rows)
        run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join(places for _ in rows)}", list(values))

    return inserted


@pytest.fixture(scope="session")
def tables(run: Run) -> Callable[[datetime], AbstractContextManager[None]]:
    """How to have every table of the pages, and to be rid of the rows from a time on; those that
    others made stay.
    """

    @contextmanager
    def there(since: datetime) -> Iterator[None]:
        for schema in ("bronze", "silver", "gold"):
            run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        others = {name for (name,) in run(queries.TABLES)}
        for table, columns in COLUMNS.items():
            day = f"partitioning = ARRAY['day({EVENT_TIMES.get(table, 'event_at')})']"
            kinds = ", ".join(f"{name} {kind}" for name, (kind, _) in columns.items())
            run(f"CREATE TABLE IF NOT EXISTS {table} ({kinds}) WITH ({day})")
        yield
        for table in COLUMNS:
            _clear(run, table, since, ours=table not in others)

    return there


def _clear(run: Run, table: str, since: datetime, *, ours: bool) -> None:
    if ours:
        run(f"DROP TABLE {table}")
    else:
        run(f"DELETE FROM {table} WHERE {EVENT_TIMES.get(table, 'event_at')} >= ?", [since])
