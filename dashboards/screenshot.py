"""`python -m dashboards.screenshot --out pictures` takes a picture of every page in a real browser;
`--page fraud` of one.
"""

import shutil
import time
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer
from playwright.sync_api import Browser, Error, ViewportSize, sync_playwright
from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import TimeoutError as TooLate
from rich.console import Console

from dashboards.pages import PAGES
from dashboards.pages.page import Page
from dashboards.settings import SettingsError, settings

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, as root has none, and none of a browser's own traffic.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
READY_MS = 60_000
NOTICE = ".notice"
NAMES = ", ".join(page.name for page in PAGES)
console = Console()


class Looks(NamedTuple):
    """How a picture is taken: its size in pixels, its scheme, and choices to make, `name=value`."""

    width: int
    height: int
    scheme: Literal["light", "dark"]
    choices: tuple[str, ...]


class NoPicture(Exception):
    """The picture could not be taken; the text says why and what to do."""


def browser_path() -> str:
    """Return the first browser found on PATH; raise NoPicture where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise NoPicture(f"None of {', '.join(BROWSERS)} is on PATH: install one, such as `apt-get install chromium`.")
    return found


def take(url: str, page: Page, out: Path, looks: Looks) -> None:
    """Open a page, wait until every part of it has its content, and write a PNG of all of it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        try:
            opened = _opened(browser, url, looks)
            _wait(opened, page.drawn)
            for choice in looks.choices:
                _choose(opened, *choice.split("="))
            opened.screenshot(path=out, full_page=True)
        except Error as error:
            reason = error.message.splitlines()[0]
            raise NoPicture(
                f"The page at {url} was not drawn ({reason}): `make status` says whether Dash and Trino run."
            ) from error
        finally:
            browser.close()


def _opened(browser: Browser, url: str, looks: Looks) -> BrowserPage:
    viewport: ViewportSize = {"width": looks.width, "height": looks.height}
    page = browser.new_page(viewport=viewport, color_scheme=looks.scheme, device_scale_factor=2)
    page.goto(url)
    return page


def _wait(page: BrowserPage, parts: tuple[str, ...]) -> None:
    """Wait until every part is there and no notice says that something is old; raise NoPicture
    naming what never came.
    """
    until = time.monotonic() + READY_MS / 1000
    try:
        for part in parts:
            page.locator(part).first.wait_for(state="attached", timeout=_left_ms(until))
        page.locator(NOTICE).first.wait_for(state="detached", timeout=_left_ms(until))
    except TooLate as error:
        missing = [part for part in parts if not page.locator(part).count()]
        noticed = dict.fromkeys(page.locator(NOTICE).all_inner_texts())
        raise NoPicture(
            f"The page at {page.url} was not whole within {READY_MS // 1000} s: it lacks {', '.join(missing) or 'nothing'}. "
            f"{' '.join([*noticed, 'A shop needs some minutes after its start'])}; `make status` says what runs."
        ) from error


def _left_ms(until: float) -> float:
    return max(1.0, 1000 * (until - time.monotonic()))  # 0 would be for ever


def _choose(page: BrowserPage, name: str, value: str) -> None:
    page.locator(f"#{name} input[value='{value}']").check(force=True)
    for _ in range(2):  # the second answer comes after the first is drawn
        page.wait_for_event("response", lambda response: f'"{value}"' in (response.request.post_data or ""), timeout=READY_MS)


def _pages(name: str) -> list[Page]:
    pages = [page for page in PAGES if name in ("", page.name)]
    if not pages:
        raise NoPicture(f"There is no page {name}: choose one of {NAMES}.")
    return pages


def main(
    out: Annotated[Path, typer.Option(help="The folder that each page's PNG goes to.")],
    page: Annotated[str, typer.Option(help=f"One page only: {NAMES}.")] = "",
    url: Annotated[str, typer.Option(help="Where the pages are; by default those of this installation.")] = "",
    width: Annotated[int, typer.Option(min=320, help="Pixels wide.")] = 1280,
    height: Annotated[int, typer.Option(min=240, help="Pixels high, at least.")] = 900,
    dark: Annotated[bool, typer.Option(help="In the dark scheme.")] = False,
    choose: Annotated[list[str], typer.Option(help="A choice of the page to make first, such as window=3h.")] = [],  # noqa: B006 - typer's way
) -> None:
    """Take a picture of every page."""
    try:
        chosen = settings()
        root = (url or f"http://{chosen.dash_host}:{chosen.dash_port}").rstrip("/")
        for one in _pages(page):
            file = out / f"{one.name}.png"
            take(root + one.path, one, file, Looks(width, height, "dark" if dark else "light", tuple(choose)))
            console.print(f"Wrote {file}.")
    except (NoPicture, SettingsError) as error:
        Console(stderr=True).print(str(error))
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
