"""What happens at every tick of the recommendations page: inputs are checked, answers become
figures, tiles and tables.
"""

from datetime import UTC, datetime
from typing import Any

from dash import Dash, Input, Output
from flask import abort

from dashboards.cache import Answer
from dashboards.look import cards, messages, tables
from dashboards.look.figures import SCHEMES, empty
from dashboards.look.inputs import SCHEME, TICK, chosen
from dashboards.look.tables import Filled
from dashboards.pages.recommendations import figures, panels, series, session_list
from dashboards.pages.recommendations.board import Board, Dated, Seen
from dashboards.pages.recommendations.comparison import named
from dashboards.pages.recommendations.layout import LONGEST_ID
from dashboards.settings import Settings
from dashboards.trino import Ask


def register(app: Dash, ask: Ask, settings: Settings) -> None:
    """Fill the page's parts with the answers to its questions."""
    board = Board(ask)
    _register_numbers(app, board)
    _register_graphs(app, board)
    _register_experiment(app, board)
    _register_session(app, board)
    _register_lists(app, board)


def _register_numbers(app: Dash, board: Board) -> None:
    @app.callback(Output("pulse", "children"), Output("notices", "children"), Output("tiles", "children"), TICK)
    def numbers(_: int | None) -> tuple[Any, ...]:
        newest, experiment, coverage, made = board.newest(), board.experiment(), board.coverage(), board.made()
        now = datetime.now(UTC)
        tiles = panels.tiles(_found(experiment), _found(coverage), _found(made), now)
        wrong = messages.notice(newest, experiment, coverage, made)
        return messages.pulse(newest, newest.rows, now, "list"), wrong, tiles


def _register_graphs(app: Dash, board: Board) -> None:
    drawn = [Output(name, "figure") for name in ("hits", "click-through")]
    keyed = [Output(f"{name}-now", "children") for name in ("hits", "click-through")]

    @app.callback(*drawn, *keyed, TICK, Input("window", "value"), SCHEME)
    def shown(_: int | None, window: str, scheme: str) -> list[Any]:
        return share_figures(board, window, scheme)


def _register_experiment(app: Dash, board: Board) -> None:
    @app.callback(*tables.outputs("variants"), TICK)
    def variants(_: int | None) -> Filled:
        return panels.variants(board.experiment(), _found(board.coverage()))

    @app.callback(*tables.outputs("comparisons"), Output("rule", "children"), TICK)
    def comparisons(_: int | None) -> tuple[Any, ...]:
        answer = board.experiment()
        return *panels.comparisons(answer), panels.rule(_found(answer))


def _register_session(app: Dash, board: Board) -> None:
    listed = [*tables.outputs("list"), *tables.outputs("clicks"), Output("list-note", "children")]

    @app.callback(*listed, Output("session", "data"), TICK, Input("session", "value"))
    def session(_: int | None, typed: object) -> list[Any]:
        return session_parts(board, checked(typed), datetime.now(UTC))


def _register_lists(app: Dash, board: Board) -> None:
    @app.callback(Output("trending", "children"), Output("trending-now", "children"), TICK)
    def trending(_: int | None) -> tuple[Any, ...]:
        answer = board.trending()
        return panels.trending(answer), panels.trending_hour(answer)

    @app.callback(*tables.outputs("made"), TICK)
    def made(_: int | None) -> Filled:
        return panels.made(board.made())


def share_figures(board: Board, window: str, scheme: str) -> list[Any]:
    """Return the figures of hit rate and click-through, then their keys."""
    span, colours = chosen(series.WINDOWS, window), chosen(SCHEMES, scheme)
    answer = board.steps(window)
    if not answer.rows or not answer.rows.found:
        return [empty(colours, "No data" if answer.problem else "No lists shown yet")] * 2 + [""] * 2
    points = series.points(answer.rows.found, answer.rows.newest, span)
    keys = cards.key({named(variant): figures.COLOURS.get(variant, figures.OTHER) for variant in points})
    return [figures.hit_rates(points, span, colours), figures.click_through(points, span, colours), keys, keys]


def session_parts(board: Board, session_id: str, now: datetime) -> list[Any]:
    """Return a session's list, the clicks that led to it, who made it, and the sessions to pick
    from; without a session those of the newest.
    """
    newest = board.sessions()
    sessions = _found(newest) or []
    wanted = session_id or next(iter(sessions), "")
    answer = board.seen(wanted) if wanted else Answer[Seen | None](None, newest.at, newest.problem, newest.failed_at)
    listed, clicks = session_list.products(answer, session_id), session_list.clicks(answer)
    return [*listed, *clicks, session_list.note(answer.rows, now), sessions]


def checked(typed: object) -> str:
    """Return the session that a reader typed or picked, "" for none; anything else is a bad
    request.
    """
    if typed is None:
        return ""
    if not isinstance(typed, str) or len(typed) > LONGEST_ID:
        abort(400, f"A session is a text of at most {LONGEST_ID} characters.")
    return typed.strip()


def _found(answer: Answer[Dated[Any] | None]) -> Any:
    return answer.rows.found if answer.rows else None
