"""A page that really runs, and a way to ask it what a browser asks."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

import httpx
import pytest
from dash.development.base_component import Component
from werkzeug.serving import make_server

from dashboards.app import site
from dashboards.pages import PAGES
from dashboards.pages.live import queries
from dashboards.pages.page import Page
from dashboards.settings import Settings
from dashboards.trino import Ask, client
from pipelines.base.settings import Settings as StackSettings
from pipelines.table import Column
from pipelines.tables import TABLES
from stack.trino_client import connected

Fire = Callable[..., httpx.Response]
Run = Callable[..., list[list[Any]]]
Create = Callable[..., None]
Insert = Callable[..., None]
Tables = Callable[..., AbstractContextManager[None]]

T0 = datetime(2126, 1, 1, 12, tzinfo=UTC)
TRINO_TYPES = {
    "string": "varchar",
    "timestamp": "timestamp(6) with time zone",
    "int": "integer",
    "float": "real",
    **{name: name for name in ("bigint", "double", "boolean")},
}
# What a column that must have a value holds in the rows of these tests, by its type, and where a
# test wants something of its own, by its table.
BY_TYPE: dict[str, Any] = {
    "string": "something",
    "timestamp": T0,
    "int": 1,
    "bigint": 1,
    "double": 0.5,
    "boolean": False,
    "array<string>": ["burst"],
    "array<float>": [],
    "array<int>": [],
    "array<timestamp>": [],
}
BY_TABLE: dict[str, dict[str, Any]] = {
    "gold.orders": {"status": "placed", "currency": "BRL", "amount": Decimal("10.50")},
    "gold.business_metrics": {"currency": "BRL", "orders": 4, "gmv": Decimal("100.25"), "sessions": 80},
    "gold.fraud_scores": {
        "card_id": "card",
        "latency_ms": 100.0,
        "currency": "BRL",
        "decision": "approve",
        "model_name": "fraud",
        "model_version": "7",
    },
    "silver.chargebacks": {"currency": "BRL"},
    "silver.orders": {"items": []},
    "silver.clicks": {"action": "view"},
    "silver.exposures": {"products": ["product"], "teams": [], "variant": "session", "place": "home"},
    "silver.recommendations": {"products": ["product"], "scores": [0.5], "teams": ["session"], "variant": "session"},
    "gold.recommendations": {"products": ["product"], "scores": [0.5], "teams": ["session"], "variant": "session"},
    "gold.recommendation_outcomes": {"outcome": "viewed", "variant": "session", "place": "home"},
    "gold.sessions": {"products": ["product"], "actions": ["view"]},
    "gold.item_trends": {},
    "gold.stock_levels": {},
}
EVENT_TIMES = {
    "gold.orders": "placed_at",
    "gold.business_metrics": "minute",
    "gold.recommendation_outcomes": "shown_at",
    "gold.sessions": "started_at",
    "gold.item_trends": "window_start",
    "gold.stock_levels": "last_movement_at",
}


@contextmanager
def _served(
    chosen: Settings, path: str = "/", *, ask: Ask | None = None, pages: Sequence[Page] = PAGES
) -> Iterator[httpx.Client]:
    """Serve the pages on a free port of loopback and yield a client of the one at that path."""
    # Not waitress: closing one whose threads still answer fails in them.
    server = make_server("127.0.0.1", 0, site(chosen, ask or client(chosen), pages), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}{path}", timeout=60) as browser:
            yield browser
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
    return _call(client, callback, lambda name, prop: given.get(f"{name}.{prop}"))


def _open(client: httpx.Client) -> None:
    """Call every callback of a page, as the browser does when it has opened it."""
    layout = client.get("/_dash-layout").json()
    for callback in client.get("/_dash-dependencies").json():
        if not callback["clientside_function"]:
            answer = _call(client, callback, lambda name, prop: "light" if name == "scheme" else _held(layout, name).get(prop))
            assert answer.status_code == 200, f"{callback['output']}: {answer.text}"


def _call(client: httpx.Client, callback: dict[str, Any], value: Callable[[str, str], object]) -> httpx.Response:
    outputs = [dict(zip(("id", "property"), o.rsplit(".", 1), strict=True)) for o in callback["output"].strip(".").split("...")]
    request = {
        "output": callback["output"],
        "outputs": outputs if callback["output"].startswith("..") else outputs[0],
        "inputs": [{**i, "value": value(i["id"], i["property"])} for i in callback["inputs"]],
        "changedPropIds": ["tick.n_intervals"],
    }
    return client.post("/_dash-update-component", json=request)


def _held(part: Any, name: str) -> dict[str, Any]:
    """The properties of the component of that id in a page's layout."""
    if isinstance(part, list):
        return next(filter(None, (_held(one, name) for one in part)), {})
    if not isinstance(part, dict) or "props" not in part:
        return {}
    held: dict[str, Any] = part["props"]
    return held if held.get("id") == name else _held(held.get("children"), name)


def _shown(part: Any) -> str:
    """Every word that a part of a page shows, be it a component, its JSON or rows of a table, as
    one string.
    """
    if isinstance(part, Component):
        return _shown(part.to_plotly_json())
    if isinstance(part, list | tuple):
        return " ".join(filter(None, map(_shown, part)))
    if isinstance(part, dict) and "key" in part:
        return _shown([cell["text"] for name, cell in part.items() if name != "key"])
    if isinstance(part, dict):
        return _shown(part.get("rowData") or part.get("props", part).get("children"))
    return "" if part is None else str(part)


@pytest.fixture(scope="session")
def fire() -> Fire:
    """How to call a callback of a served page."""
    return _fire


@pytest.fixture(scope="session")
def open_page() -> Callable[[httpx.Client], None]:
    """How to open a served page, as a browser does."""
    return _open


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
    """An Ask that counts its statements."""

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
    """How to count the statements of a page."""
    return Counted


@pytest.fixture(scope="session")
def run(local_stack: StackSettings) -> Run:
    """Run a statement that writes, as Trino's admin, however long it takes: the pages themselves
    only read, and give up early.
    """
    connection = connected(admin=True, legacy_prepared_statements=False)

    def statement(text: str, parameters: list[Any] | None = None) -> list[list[Any]]:
        return list(connection.cursor().execute(text, parameters).fetchall())

    return statement


@pytest.fixture(scope="session")
def lake_settings(local_stack: StackSettings) -> Settings:
    """Settings of pages over the tests' own lake."""
    stack = local_stack.trino
    return Settings(trino_host=stack.host, trino_port=stack.port, trino_user=stack.user)


@pytest.fixture(scope="session")
def ask_lake(lake_settings: Settings) -> Ask:
    """What asks that lake as the pages do, but waits however busy the machine is."""
    return client(lake_settings, answer_within_s=900, reply_within_s=300)


@pytest.fixture(scope="session")
def create(run: Run) -> Create:
    """How to create a table with the columns of a declared one, or under another name and `without`
    some of them, as an older table is.
    """

    def created(declared: str, name: str = "", without: Sequence[str] = ()) -> None:
        columns = [column for column in TABLES[declared].columns if column.name not in without]
        kinds = ", ".join(f"{column.name} {_trino_type(column.type)}" for column in columns)
        day = f"partitioning = ARRAY['day({EVENT_TIMES.get(declared, 'event_at')})']"
        run(f"CREATE SCHEMA IF NOT EXISTS {declared.split('.')[0]}")
        run(f"CREATE TABLE IF NOT EXISTS {name or declared} ({kinds}) WITH ({day})")

    return created


@pytest.fixture(scope="session")
def insert(run: Run) -> Insert:
    """How to insert rows of defaults and changes into a declared table, or one like it."""

    def inserted(declared: str, *rows: dict[str, Any], into: str = "") -> None:
        defaults = {column.name: _default(declared, column) for column in TABLES[declared].columns}
        unknown = {name for row in (BY_TABLE[declared], *rows) for name in row} - defaults.keys()
        assert not unknown, f"{declared} declares no {', '.join(unknown)}"
        places = ", ".join(["?"] * len(defaults))
        values = chain.from_iterable({**defaults, **row}.values() for row in rows)
        run(
            f"INSERT INTO {into or declared} ({', '.join(defaults)}) VALUES {', '.join([f'({places})'] * len(rows))}",
            list(values),
        )

    return inserted


@pytest.fixture(scope="session")
def tables(run: Run, create: Create) -> Tables:
    """How to have every table that these tests write to, and to be rid of the rows from a time on;
    those that others made stay.
    """

    @contextmanager
    def present(since: datetime, make: Callable[[], None] | None = None) -> Iterator[None]:
        others = {name for (name,) in run(queries.TABLES)}
        for table in BY_TABLE if make is None else ():
            create(table)
        if make:
            make()
        yield
        ours = {name for (name,) in run(queries.TABLES)} & TABLES.keys() - others
        for table in ours:
            run(f"DROP TABLE {table}")
        for table in BY_TABLE.keys() - ours:
            run(f"DELETE FROM {table} WHERE {EVENT_TIMES.get(table, 'event_at')} >= ?", [since])

    return present


def _trino_type(spark_type: str) -> str:
    if spark_type.startswith("array<"):
        return f"array({_trino_type(spark_type.removeprefix('array<').removesuffix('>'))})"
    if spark_type.startswith("struct<"):
        fields = [field.split(": ") for field in spark_type.removeprefix("struct<").removesuffix(">").split(", ")]
        return f"row({', '.join(f'{name} {_trino_type(kind)}' for name, kind in fields)})"
    return spark_type if spark_type.startswith("decimal") else TRINO_TYPES[spark_type]


def _default(table: str, column: Column) -> Any:
    if column.name in BY_TABLE[table]:
        return BY_TABLE[table][column.name]
    if not column.required:
        return None
    return Decimal("5.00") if column.type.startswith("decimal") else BY_TYPE[column.type]
