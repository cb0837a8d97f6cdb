"""`python -m dashboards.screenshot --out live.png` takes a picture of a page in a real browser;
`--page fraud` of the other.
"""

import shutil
import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from playwright.sync_api import Browser, Error, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooLate
from rich.console import Console

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
# Each page's address, and what must be there before the picture is taken: something of every answer
# that fills it.
PATHS = {"live": "/", "fraud": "/fraud/"}
DRAWN = {
    "live": (
        "#tiles .tile",
        *(f"#{graph} .trace" for graph in ("gmv", "orders", "conversion", "decisions")),
        "#newest-orders tbody tr",
        "#newest-scores tbody tr",
        "#freshness li",
    ),
    "fraud": (
        "#tiles .tile",
        "#queue :is(tbody tr, .empty)",
        *(f"#{graph} .trace" for graph in ("quality", "money", "drift")),
        "#versions tbody tr",
        "#shadow :is(tbody tr, .empty)",
    ),
}
NOTICE = ".notice"
PageName = Literal["live", "fraud"]
console = Console()


class NoPicture(Exception):
    """The picture could not be taken; the text says why and what to do."""


def browser_path() -> str:
    """Return the first browser found on PATH; raise NoPicture where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise NoPicture(f"None of {', '.join(BROWSERS)} is on PATH: install one, such as `apt-get install chromium`.")
    return found


def take(url: str, name: str, out: Path, width: int, height: int, scheme: str, window: str) -> None:
    """Open a page, wait until every part of it has its content, and write a PNG of all of it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        try:
            page = _opened(browser, url, width, height, scheme)
            _wait(page, DRAWN[name])
            if name == "live":
                _show(page, window)
            page.screenshot(path=out, full_page=True)
        except Error as error:
            reason = error.message.splitlines()[0]
            raise NoPicture(
                f"The page at {url} was not drawn ({reason}): `make status` says whether Dash and Trino run."
            ) from error
        finally:
            browser.close()


def _opened(browser: Browser, url: str, width: int, height: int, scheme: str) -> Page:
    asked: Literal["dark", "light"] = "dark" if scheme == "dark" else "light"
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=asked, device_scale_factor=2)
    page.goto(url)
    return page


def _wait(page: Page, parts: tuple[str, ...]) -> None:
    """Wait until every part is there and nothing is said to be old; raise NoPicture naming what
    never came.
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


def _show(page: Page, window: str) -> None:
    page.locator(f"#window input[value='{window}']").check(force=True)
    for _ in range(2):  # the second answer comes after the first is drawn
        page.wait_for_event("response", lambda response: f'"{window}"' in (response.request.post_data or ""), timeout=READY_MS)


def main(
    out: Annotated[Path, typer.Option(help="Where the PNG goes.")],
    page: Annotated[PageName, typer.Option(help="Which page.")] = "live",
    url: Annotated[str, typer.Option(help="Where the pages are; by default those of this installation.")] = "",
    width: Annotated[int, typer.Option(min=320, help="Pixels wide.")] = 1280,
    height: Annotated[int, typer.Option(min=240, help="Pixels high, at least.")] = 900,
    scheme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    window: Annotated[str, typer.Option(help="30m, 3h or 24h, on the live page.")] = "30m",
) -> None:
    """Take a picture of a page."""
    try:
        chosen = settings()
        root = url or f"http://{chosen.dash_host}:{chosen.dash_port}"
        take(root.rstrip("/") + PATHS[page], page, out, width, height, scheme, window)
    except (NoPicture, SettingsError) as error:
        Console(stderr=True).print(str(error))
        raise typer.Exit(1) from error
    console.print(f"Wrote {out}.")


if __name__ == "__main__":
    typer.run(main)
