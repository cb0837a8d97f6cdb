"""What happens at every tick of the fraud page: inputs are checked against lists, answers become
figures, tiles and tables.
"""

from datetime import UTC, datetime
from typing import Any

from dash import Dash, Input, Output

from dashboards.cache import Answer
from dashboards.look import parts
from dashboards.look.figures import SCHEMES, empty
from dashboards.look.frame import SCHEME, TICK, chosen, register_scheme
from dashboards.pages.fraud import figures, maturity, panels
from dashboards.pages.fraud.board import Board
from dashboards.pages.fraud.drift import Distributions, distributions
from dashboards.pages.fraud.maturity import Day


def register(app: Dash, board: Board) -> None:
    """Wire the page's parts to the board's answers."""
    register_scheme(app)
    _register_numbers(app, board)
    _register_lists(app, board)
    _register_graphs(app, board)


def _register_numbers(app: Dash, board: Board) -> None:
    @app.callback(Output("pulse", "children"), Output("notices", "children"), Output("tiles", "children"), TICK)
    def numbers(_: int | None) -> tuple[Any, ...]:
        newest, versions, outcomes, scored = board.newest(), board.versions(), board.outcomes(), board.scored()
        in_use = versions.rows.rows if versions.rows else []
        tiles = panels.tiles(in_use, *_judged(board), _distributions(board))
        told = parts.notice(newest, outcomes, scored)
        return parts.pulse(newest, newest.rows, datetime.now(UTC), "payment"), told, tiles


def _register_lists(app: Dash, board: Board) -> None:
    @app.callback(Output("queue", "children"), TICK, Input("shown", "value"))
    def queue(_: int | None, shown: str) -> list[Any]:
        return panels.queue(board.queue(), chosen(panels.SHOWN, shown))

    @app.callback(Output("versions", "children"), TICK)
    def versions(_: int | None) -> list[Any]:
        return panels.versions(board.versions())

    @app.callback(Output("shadow", "children"), TICK)
    def shadow(_: int | None) -> list[Any]:
        return panels.shadow(board.shadow(), board.label_delay)


def _register_graphs(app: Dash, board: Board) -> None:
    judged = [Output(name, "figure") for name in ("quality", "money")]
    keyed = [Output(f"{name}-now", "children") for name in ("quality", "money")]

    @app.callback(*judged, *keyed, Output("labels", "children"), TICK, SCHEME)
    def judgement(_: int | None, scheme: str) -> list[Any]:
        return judged_figures(board, scheme)

    @app.callback(Output("drift", "figure"), Output("drift-now", "children"), Output("drift-note", "children"), TICK, SCHEME)
    def drift(_: int | None, scheme: str) -> list[Any]:
        return drift_figure(board, scheme)


def judged_figures(board: Board, scheme: str) -> list[Any]:
    """Return the figures of precision and recall and of money, their keys, and how many labels they
    rest on.
    """
    colours = chosen(SCHEMES, scheme)
    days, currency = _judged(board)
    if not days:
        return [empty(colours, _missing(board.outcomes()))] * 2 + [""] * 3
    drawn = [figures.quality(days, colours), figures.money(days, currency, colours)]
    return [*drawn, parts.keys("precision", "recall"), parts.keys("caught", "missed"), panels.labels(days, board.label_delay)]


def drift_figure(board: Board, scheme: str) -> list[Any]:
    """Return the figure of both distributions, its key, and the stability index in a sentence."""
    colours = chosen(SCHEMES, scheme)
    known = _distributions(board)
    if not any(map(sum, known)):
        return [empty(colours, _missing(board.scored())), "", ""]
    return [figures.drift(known, colours), parts.keys("week before", "last 24 h"), panels.drift_note(known)]


def _judged(board: Board) -> tuple[list[Day], str]:
    answer = board.outcomes().rows
    if answer is None:
        return [], ""
    currency = maturity.main_currency(answer.rows)
    return maturity.days(answer.rows, currency, answer.newest, board.label_delay), currency


def _distributions(board: Board) -> Distributions:
    answer = board.scored().rows
    return distributions(answer.rows if answer else [])


def _missing(answer: Answer[Any]) -> str:
    return "No data" if answer.problem else "No payments scored yet"
