"""What happens at every tick of the fraud page: inputs are checked against lists, answers become
figures, tiles and tables.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from dash import Dash, Input, Output

from dashboards.cache import Answer
from dashboards.currencies import main_currency
from dashboards.look import cards, messages, tables
from dashboards.look.figures import SCHEMES, empty
from dashboards.look.inputs import SCHEME, TICK, chosen
from dashboards.look.tables import Filled
from dashboards.pages.fraud import figures, maturity, panels
from dashboards.pages.fraud.board import Board
from dashboards.pages.fraud.drift import Distributions, distributions
from dashboards.pages.fraud.maturity import Day
from dashboards.settings import Settings
from dashboards.trino import Ask


def register(app: Dash, ask: Ask, settings: Settings) -> None:
    """Fill the page's parts with the answers to its questions."""
    board = Board(ask, timedelta(days=settings.fraud_label_delay_days))
    _register_numbers(app, board)
    _register_lists(app, board)
    _register_graphs(app, board)


def _register_numbers(app: Dash, board: Board) -> None:
    @app.callback(Output("pulse", "children"), Output("notices", "children"), Output("tiles", "children"), TICK)
    def numbers(_: int | None) -> tuple[Any, ...]:
        newest, versions, outcomes, scored = board.newest(), board.versions(), board.outcomes(), board.scored()
        in_use = versions.rows.rows if versions.rows else []
        tiles = panels.tiles(in_use, *_judged(board), _distributions(board))
        wrong = messages.notice(newest, outcomes, scored)
        return messages.pulse(newest, newest.rows, datetime.now(UTC), "payment"), wrong, tiles


def _register_lists(app: Dash, board: Board) -> None:
    @app.callback(*tables.outputs("queue"), TICK, Input("shown", "value"))
    def queue(_: int | None, shown: str) -> Filled:
        return panels.queue(board.queue(), chosen(panels.SHOWN, shown))

    @app.callback(*tables.outputs("versions"), TICK)
    def versions(_: int | None) -> Filled:
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
    keys = [cards.key({"precision": "blue", "recall": "violet"}), cards.key({"caught": "teal", "missed": "red"})]
    return [*drawn, *keys, panels.labels(days, board.label_delay)]


def drift_figure(board: Board, scheme: str) -> list[Any]:
    """Return the figure of both distributions, its key, and the stability index in a sentence."""
    colours = chosen(SCHEMES, scheme)
    known = _distributions(board)
    if not any(map(sum, known)):
        return [empty(colours, _missing(board.scored())), "", ""]
    return [figures.drift(known, colours), cards.key({"week before": "muted", "last 24 h": "blue"}), panels.drift_note(known)]


def _judged(board: Board) -> tuple[list[Day], str]:
    answer = board.outcomes().rows
    if answer is None:
        return [], ""
    currency = main_currency((row.currency, row.payments) for row in answer.rows)
    return maturity.days(answer.rows, currency, answer.newest, board.label_delay), currency


def _distributions(board: Board) -> Distributions:
    answer = board.scored().rows
    return distributions(answer.rows if answer else [])


def _missing(answer: Answer[Any]) -> str:
    return "No data" if answer.problem else "No payments scored yet"
