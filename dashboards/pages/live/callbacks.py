"""What happens at every tick of the live page: inputs are checked against lists, answers become
figures, tiles and tables.
"""

from datetime import UTC, datetime
from typing import Any

from dash import Dash, Input, Output

from dashboards.cache import Answer
from dashboards.look import cards, formats, messages, tables
from dashboards.look.figures import SCHEMES, empty
from dashboards.look.inputs import SCHEME, TICK, chosen
from dashboards.look.tables import Filled
from dashboards.pages.live import figures, panels, series
from dashboards.pages.live.board import Board
from dashboards.pages.live.queries import Minute
from dashboards.settings import Settings
from dashboards.trino import Ask

SHAPE = (Input("window", "value"), SCHEME)


def register(app: Dash, ask: Ask, settings: Settings) -> None:
    """Fill the page's parts with the answers to its questions."""
    board = Board(ask)
    _register_numbers(app, board)
    _register_graphs(app, board)
    _register_lists(app, board)


def _register_numbers(app: Dash, board: Board) -> None:
    @app.callback(Output("pulse", "children"), Output("notices", "children"), Output("tiles", "children"), TICK)
    def numbers(_: int | None) -> tuple[Any, ...]:
        recent, latency = board.recent(), board.latency()
        tiles = panels.tiles(recent, board.decisions(), latency, board.freshness())
        newest = recent.rows[-1].minute if recent.rows else None
        return messages.pulse(recent, newest, datetime.now(UTC), "minute"), messages.notice(recent, latency), tiles


def _register_graphs(app: Dash, board: Board) -> None:
    sales = [Output(name, "figure") for name in ("gmv", "orders", "conversion")]
    latest = [Output(f"{name}-now", "children") for name in ("gmv", "orders", "conversion")]

    @app.callback(*sales, *latest, TICK, *SHAPE)
    def sold(_: int | None, window: str, scheme: str) -> list[Any]:
        return sales_figures(board.minutes(chosen(series.WINDOWS, window).minutes), window, scheme)

    @app.callback(Output("decisions", "figure"), Output("decisions-now", "children"), TICK, *SHAPE)
    def decided(_: int | None, window: str, scheme: str) -> list[Any]:
        return decision_figure(board, window, scheme)


def _register_lists(app: Dash, board: Board) -> None:
    @app.callback(*tables.outputs("newest-orders"), TICK)
    def orders(_: int | None) -> Filled:
        return panels.orders(board.orders(), datetime.now(UTC))

    @app.callback(*tables.outputs("newest-scores"), TICK)
    def scores(_: int | None) -> Filled:
        return panels.scores(board.scores(), datetime.now(UTC))

    @app.callback(Output("freshness", "children"), TICK)
    def fresh(_: int | None) -> list[Any]:
        return panels.freshness(board.freshness())


def sales_figures(answer: Answer[list[Minute]], window: str, scheme: str) -> list[Any]:
    """Return the figures of GMV, orders and conversion, then the newest full step of each in
    words.
    """
    span, colours = chosen(series.WINDOWS, window), chosen(SCHEMES, scheme)
    currency = series.main_currency(answer.rows or [])
    points = series.points(answer.rows or [], currency, span)
    if not points:
        return [empty(colours, "No data" if answer.problem else "No orders yet")] * 3 + [""] * 3
    drawn = [
        figures.gmv(points, span, currency, colours),
        figures.orders(points, span, colours),
        figures.conversion(points, span, colours),
    ]
    full = points[-2]
    return [*drawn, formats.rounded(full.gmv, currency), f"{full.orders:,.0f}", formats.percent(full.conversion, 2)]


def decision_figure(board: Board, window: str, scheme: str) -> list[Any]:
    """Return the figure of payments held or declined, and its key in words."""
    span, colours = chosen(series.WINDOWS, window), chosen(SCHEMES, scheme)
    answer = board.decided(span.minutes)
    rows = answer.rows or []
    if not rows:
        return [empty(colours, "No data" if answer.problem else "No payments scored yet"), ""]
    starts = series.slots(max(row.minute for row in rows), span)
    review, decline = (series.decided(rows, decision, starts) for decision in ("review", "decline"))
    return [figures.decisions(starts, review, decline, span, colours), cards.key({"review": "amber", "decline": "red"})]
