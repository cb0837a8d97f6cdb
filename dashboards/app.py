"""`python -m dashboards.app` serves the pages."""

import logging
from collections.abc import Sequence, Set
from ipaddress import ip_address
from typing import Annotated

import structlog
import typer
import waitress  # type: ignore[import-untyped]  # it ships no types
from dash import Dash
from flask import Flask, Response

from dashboards import streams
from dashboards.look.frame import frame
from dashboards.look.inputs import register_scheme
from dashboards.pages import PAGES
from dashboards.pages.page import Page
from dashboards.settings import Settings, SettingsError, settings
from dashboards.trino import Ask, client

log = structlog.get_logger()
THREADS = 16
# The largest question of a page has a few thousand; waitress would take a gigabyte, and Flask parse
# it.
MOST_BODY_BYTES = 256_000
ASSETS = "look/assets"
LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"]


def site(chosen: Settings, ask: Ask, pages: Sequence[Page] = PAGES) -> Flask:
    """Return the server of one installation's pages, with every asset served from here.

    Each page is a Dash app of its own, so that a page's questions are asked only while it is open.
    """
    server = Flask("dashboards")
    links = [(page.title, page.path) for page in pages]
    apps = [_app(server, page, links) for page in pages]
    failing = streams.finder(chosen)
    for page, app in zip(pages, apps, strict=True):
        register_scheme(app)
        streams.register(app, failing)
        page.register(app, ask, chosen)
    _harden(server, {script for app in apps for script in app.csp_hashes()}, chosen)
    return server


def _app(server: Flask, page: Page, links: Sequence[tuple[str, str]]) -> Dash:
    """Return the Dash app of one page; `/fraud` is sent on to `/fraud/`."""
    app = Dash(
        "dashboards",
        server=False,
        url_base_pathname=page.path,
        assets_folder=ASSETS,
        title=f"Tidemark · {page.title}",
        update_title="",
    )
    app.init_app(server)
    app.layout = lambda: frame(page.layout(), page.path, links)
    return app


def _harden(server: Flask, script_hashes: Set[str], chosen: Settings) -> None:
    headers = _headers(sorted(script_hashes))
    if _is_loopback(chosen.dash_host):
        server.config["TRUSTED_HOSTS"] = LOOPBACK_NAMES

    def secured(response: Response) -> Response:
        response.headers.update(headers)
        return response

    server.after_request(secured)


def _headers(script_hashes: Sequence[str]) -> dict[str, str]:
    """Return headers that let the browser load from here only; Plotly writes inline styles, so
    those stay allowed.
    """
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *script_hashes]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _set_up_logging(as_json: bool) -> None:
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper("iso", utc=True), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(),
    )


def _server(chosen: Settings) -> waitress.server.BaseWSGIServer:
    try:
        return waitress.create_server(
            site(chosen, client(chosen)),
            host=chosen.dash_host,
            port=chosen.dash_port,
            threads=THREADS,
            max_request_body_size=MOST_BODY_BYTES,
            ident=None,
        )
    except OSError as error:
        where = f"{chosen.dash_host}:{chosen.dash_port}"
        raise SettingsError(f"{where} cannot be listened on, or is in use ({error}): set TIDEMARK_DASH__PORT.") from error


def main(json_logs: Annotated[bool, typer.Option("--json-logs", help="Log one JSON object a line.")] = False) -> None:
    """Serve the pages until stopped."""
    _set_up_logging(json_logs)
    try:
        chosen = settings()
        server = _server(chosen)
    except SettingsError as error:
        typer.echo(f"The pages cannot start. {error}", err=True)
        raise typer.Exit(1) from error
    log.info(
        "pages_served", url=f"http://{chosen.dash_host}:{chosen.dash_port}", trino=f"{chosen.trino_host}:{chosen.trino_port}"
    )
    server.run()


if __name__ == "__main__":
    typer.run(main)
