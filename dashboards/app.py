"""`python -m dashboards.app` serves the live page."""

import logging
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Annotated

import structlog
import typer
import waitress  # type: ignore[import-untyped]  # it ships no types
from dash import Dash
from flask import Response

from dashboards import callbacks, layout
from dashboards.board import Board
from dashboards.lake import door
from dashboards.settings import Settings, SettingsError, settings

log = structlog.get_logger()
THREADS = 16
LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"]


def page(chosen: Settings) -> Dash:
    """Return the Dash app of one installation, with every asset served from here."""
    app = Dash("dashboards", title="Tidemark · the shop, live", update_title="", serve_locally=True, assets_folder="assets")
    app.layout = layout.page
    callbacks.register(app, Board(door(chosen)))
    _harden(app, chosen)
    return app


def _harden(app: Dash, chosen: Settings) -> None:
    headers = _headers(app.csp_hashes())
    if _is_loopback(chosen.dash_host):
        app.server.config["TRUSTED_HOSTS"] = LOOPBACK_NAMES

    def secured(response: Response) -> Response:
        response.headers.update(headers)
        return response

    app.server.after_request(secured)


def _headers(script_hashes: Sequence[str]) -> dict[str, str]:
    """Return headers that let the browser load from here only; Plotly writes inline styles, so those stay allowed."""
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
        return waitress.create_server(page(chosen), host=chosen.dash_host, port=chosen.dash_port, threads=THREADS, ident=None)
    except OSError as error:
        where = f"{chosen.dash_host}:{chosen.dash_port}"
        raise SettingsError(f"{where} cannot be listened on, or is in use ({error}): set TIDEMARK_DASH__PORT.") from error


def main(json_logs: Annotated[bool, typer.Option("--json-logs", help="Log one JSON object a line.")] = False) -> None:
    """Serve the live page until stopped."""
    _set_up_logging(json_logs)
    try:
        chosen = settings()
        server = _server(chosen)
    except SettingsError as error:
        typer.echo(f"The page cannot start. {error}", err=True)
        raise typer.Exit(1) from error
    log.info(
        "page_served", url=f"http://{chosen.dash_host}:{chosen.dash_port}", trino=f"{chosen.trino_host}:{chosen.trino_port}"
    )
    server.run()


if __name__ == "__main__":
    typer.run(main)
