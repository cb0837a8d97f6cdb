"""Every statement of every page holds on the tables as they are declared, made by the catalogue as
the streams make them: whoever renames a column in a table's module sees here which page names it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import chain
from pkgutil import iter_modules
from threading import Lock
from typing import Any

import httpx
import pytest
from processes import finished

from dashboards.pages import PAGES
from dashboards.pages.page import Page
from dashboards.settings import Settings
from dashboards.trino import Ask, UnknownColumn

OpenPage = Callable[[httpx.Client], None]
Insert = Callable[..., None]
Served = Callable[..., AbstractContextManager[httpx.Client]]
Tables = Callable[..., AbstractContextManager[None]]
pytestmark = pytest.mark.integration

AT = datetime(2128, 5, 1, 12, tzinfo=UTC)
MAKE_ALL = """
from pipelines.lake import catalog
from pipelines.streaming.session import spark_session
from pipelines.tables import TABLES
spark = spark_session("declared_tables")
for table in TABLES.values():
    catalog.ensure(spark, table)
spark.stop()
"""
STATEMENT_STARTS = ("SELECT", "WITH")


class Recorded:
    """An Ask that remembers its statements with their parameters."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lock = Lock()
        self.statements: dict[str, tuple[object, ...]] = {}

    def __call__(self, statement: str, *parameters: object) -> list[list[Any]]:
        with self._lock:
            self.statements[statement] = parameters
        return self._ask(statement, *parameters)


@pytest.fixture(scope="module")
def lake(lake_settings: Settings, tables: Tables, insert: Insert) -> Iterator[Settings]:
    """Settings of pages over every declared table, with what makes the pages ask all they can: an
    order, a payment that a challenger scored too, a session's list and a trend.
    """
    with tables(AT, _made_by_the_catalogue):
        insert("gold.orders", {"placed_at": AT})
        insert("gold.business_metrics", {"minute": AT})
        shadowed = {"challenger_version": "8", "challenger_probability": 0.5, "challenger_decision": "review"}
        insert("gold.fraud_scores", {"event_at": AT, **shadowed})
        insert("silver.chargebacks", {"event_at": AT})
        insert("gold.recommendations", {"event_at": AT})
        insert("gold.item_trends", {"window_start": AT - timedelta(hours=1), "window_end": AT})
        yield lake_settings


def _made_by_the_catalogue() -> None:
    # In a process of its own: this one may have a Spark with another catalogue.
    finished("-c", MAKE_ALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_statement_of_a_page_holds_on_the_tables_as_declared(
    page: Page, lake: Settings, ask_lake: Ask, served: Served, open_page: Callable[[httpx.Client], None]
) -> None:
    recorded = Recorded(ask_lake)
    with served(lake, page.path, ask=recorded) as browser:
        open_page(browser)
    explained = {text: ask_lake(f"EXPLAIN {_whole(text, given)}") for text, given in recorded.statements.items()}
    assert [text for text, plan in explained.items() if not plan] == []
    assert _unreached(page, recorded.statements) == []


def test_a_column_that_no_table_declares_is_found_out(lake: Settings, ask_lake: Ask) -> None:
    with pytest.raises(UnknownColumn):
        ask_lake("EXPLAIN SELECT no_such_column FROM gold.orders")


def _whole(statement: str, parameters: Sequence[object]) -> str:
    """The statement with its parameters written out: EXPLAIN takes none."""
    texts = [*statement.split("?")]
    assert len(texts) == len(parameters) + 1, statement
    return "".join(chain.from_iterable(zip(texts, [*map(_literal, parameters), ""], strict=True)))


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC'"
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(_literal, value))}]"
    return f"DOUBLE '{value}'" if isinstance(value, float) else f"'{value}'" if isinstance(value, str) else str(value)


def _unreached(page: Page, reached: dict[str, tuple[object, ...]]) -> list[str]:
    """Names of the statements in a page's modules that no callback asked."""
    folder = import_module(f"dashboards.pages.{page.name}")
    modules = [import_module(f"{folder.__name__}.{module.name}") for module in iter_modules(folder.__path__)]
    statements = {
        f"{module.__name__}.{name}": value.partition("{")[0]  # one is completed with the tables that exist
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, str) and value.lstrip().startswith(STATEMENT_STARTS)
    }
    assert statements
    return [name for name, text in statements.items() if not any(one.startswith(text) for one in reached)]
