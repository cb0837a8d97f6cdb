"""The pages in a real browser: nothing is refused by their own security policy, a narrow screen
holds them, and tables and the switch of schemes work by keyboard.

Where no browser is on PATH these tests are skipped: the pages need none on the machine that serves
them.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import shown_lists
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from waiting import until

from dashboards import screenshot
from dashboards.pages import PAGES
from dashboards.pages.fraud import queries as fraud
from dashboards.pages.live import queries as live
from dashboards.pages.recommendations import queries as recommendations
from dashboards.settings import Settings

pytestmark = pytest.mark.programs

Served = Callable[..., AbstractContextManager[httpx.Client]]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AMOUNTS = (Decimal("20.00"), Decimal("100.00"), Decimal("3.00"))
NARROW_PX = 390
WAIT_MS = 120_000
NO_TABLE_IS_CUT = """[...document.querySelectorAll('.ag-center-cols-viewport')].every((v) => v.scrollWidth <= v.clientWidth)"""


def _payment(i: int, amount: Decimal) -> list[Any]:
    return [f"payment-{i}", "card", NOW, amount, "BRL", 0.4 + i / 10, "review", ["a reason that is quite long"], "7", False]


ROWS: dict[str, list[list[Any]]] = {
    live.ORDERS: [[f"order-000-{i}", "placed", NOW, 1, amount, "BRL", None] for i, amount in enumerate(AMOUNTS)],
    live.NEWEST_MINUTE: [[NOW]],
    live.MINUTES: [[NOW - timedelta(minutes=m), "BRL", 3, Decimal(300), 60] for m in range(40)],
    live.DECISIONS: [[NOW, "review", 2], [NOW, "decline", 1]],
    fraud.NEWEST: [[NOW]],
    fraud.QUEUE: [_payment(i, amount) for i, amount in enumerate(AMOUNTS)],
    fraud.VERSIONS: [["fraud", "7", 100, 3, 0, 0]],
    **shown_lists.rows(NOW),
    recommendations.CLICKS: shown_lists.clicks(NOW),
}
# The sessions that have a list, by what was left out of it.
LEFT_OUT = {"session-a": [2, 1, 0, 3], "session-b": [0, 0, 0, 0]}


def ask(statement: str, *parameters: object) -> list[list[Any]]:
    """Answer some of the pages' questions; to the others there are no rows."""
    if statement == recommendations.LIST:
        session = str(parameters[0])
        return [shown_lists.a_list(session, NOW, left_out=LEFT_OUT[session])] if session in LEFT_OUT else []
    return ROWS.get(statement, [])


@pytest.fixture(scope="module")
def site(served: Served) -> Iterator[str]:
    """Where the pages are."""
    with served(Settings(), ask=ask) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    try:
        path = screenshot.browser_path()
    except screenshot.NoPicture as error:
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=screenshot.FLAGS)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """How to open a page, and be rid of it."""
    pages: list[Page] = []

    def page_at(url: str, width: int = 1280, **looks: Any) -> Page:
        pages.append(browser.new_page(viewport={"width": width, "height": 900}, **looks))
        pages[-1].set_default_timeout(WAIT_MS)
        pages[-1].goto(url)
        return pages[-1]

    yield page_at
    for page in pages:
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_a_page_is_drawn_from_here_alone_without_a_complaint_and_fits_a_narrow_screen(
    site: str, opened: Callable[..., Page], path: str, scheme: str
) -> None:
    complaints: list[str] = []
    page = opened("about:blank", NARROW_PX, color_scheme=scheme)

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.goto(site + path)
    page.locator(".ag-row").first.wait_for()
    page.locator("#tiles .tile").first.wait_for()
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW_PX
    until(lambda: bool(page.evaluate(NO_TABLE_IS_CUT)), "no table is cut")
    assert complaints == []
    assert [url for url in urls if not url.startswith((site, "data:", "blob:"))] == []


def test_a_table_is_sorted_and_walked_through_by_keyboard(site: str, opened: Callable[..., Page]) -> None:
    page = opened(site)
    amounts = page.locator("#newest-orders .ag-cell[col-id=amount]")
    expect(amounts).to_have_text(["R$ 20.00", "R$ 100.00", "R$ 3.00"], timeout=WAIT_MS)
    page.locator("#newest-orders .ag-header-cell[col-id=amount]").focus()
    page.keyboard.press("Enter")
    expect(amounts).to_have_text(["R$ 3.00", "R$ 20.00", "R$ 100.00"], timeout=WAIT_MS)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == "R$ 20.00"


def test_a_narrow_table_leaves_out_columns_and_a_wide_one_has_them_again(site: str, opened: Callable[..., Page]) -> None:
    page = opened(site)
    heads = page.locator("#newest-orders .ag-header-cell-text")
    expect(heads).to_have_text(["Order", "Placed", "Status", "Items", "Amount"], timeout=WAIT_MS)
    page.set_viewport_size({"width": NARROW_PX, "height": 900})
    expect(heads).to_have_text(["Order", "Placed", "Status", "Amount"], timeout=WAIT_MS)
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(heads).to_have_text(["Order", "Placed", "Status", "Items", "Amount"], timeout=WAIT_MS)


def test_the_switch_of_schemes_draws_figures_anew(site: str, opened: Callable[..., Page]) -> None:
    page = opened(site, color_scheme="light")
    page.locator("#gmv .trace").first.wait_for()
    with page.expect_response(lambda answer: '"dark"' in (answer.request.post_data or ""), timeout=WAIT_MS):
        page.get_by_role("button", name="Light or dark").press("Enter")
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == "dark"


def test_a_choice_is_made_by_keyboard(site: str, opened: Callable[..., Page]) -> None:
    page = opened(site)
    page.locator("#gmv .trace").first.wait_for()
    with page.expect_response(lambda answer: '"3h"' in (answer.request.post_data or ""), timeout=WAIT_MS):
        page.locator("#window input[value='30m']").press("ArrowRight")


def test_a_session_is_typed_and_one_is_picked_by_keyboard(site: str, opened: Callable[..., Page]) -> None:
    page = opened(f"{site}/recommendations/")
    note = page.locator("#list-note")
    expect(note).to_contain_text("Session session-a", timeout=WAIT_MS)
    expect(note).to_contain_text("Left out: 2 bought or in the cart, 1 out of stock, 3 too many of one seller.")
    box = page.get_by_role("textbox", name="Session")
    box.fill("lost")
    expect(page.locator("#list .empty")).to_contain_text("Session lost has no list", timeout=WAIT_MS)
    box.fill("session-")
    box.press("ArrowDown")
    box.press("ArrowDown")
    box.press("Enter")
    expect(note).to_contain_text("Session session-b", timeout=WAIT_MS)
    expect(note).to_contain_text("Nothing was left out by a rule.")
    expect(page.locator("#list .ag-cell[col-id=reason]").first).to_have_text("next after product-2a-0010")
