"""What stands around every page: its header with the way to the other pages, its cards, its tick
and its colour scheme.
"""

from typing import Any, TypeVar

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from flask import abort

Choice = TypeVar("Choice")
TICK = Input("tick", "n_intervals")
SCHEME = Input("scheme", "data")
# Each page's name in the navigation, with its address.
PAGES = {"The shop, live": "/", "Fraud": "/fraud/"}


def frame(name: str, controls: list[Any], body: list[Any], footer: str, refresh_s: float) -> html.Div:
    """Return a whole page without its data; the callbacks fill it."""
    machinery = [dcc.Interval(id="tick", interval=int(1000 * refresh_s)), dcc.Store(id="scheme")]
    return html.Div([_header(name, controls), html.Main(body), html.Footer(footer), *machinery], className="page")


def choice(name: str, labels: dict[str, str], first: str, title: str) -> html.Div:
    """Return one choice out of a few, as buttons side by side."""
    options = [{"label": label, "value": value} for value, label in labels.items()]
    buttons = dcc.RadioItems(id=name, options=options, value=first, inline=True, className="choice")
    return html.Div(buttons, role="group", title=title)


def graph(name: str, title: str, size: str, height: str) -> html.Section:
    """Return a card with a graph, and room beside its title for its newest value or its key."""
    head = html.Div([html.H2(title), html.Span(id=f"{name}-now", className="now")], className="head")
    drawn = dcc.Graph(id=name, config={"displayModeBar": False}, responsive=True, style={"height": height})
    return html.Section([head, drawn], className=f"card {size}")


def card(name: str, title: str, size: str = "wide", controls: Any = None) -> html.Section:
    """Return a card that holds whatever a callback puts into it."""
    head = html.Div([html.H2(title), controls], className="head")
    return html.Section([head, html.Div(id=name)], className=f"card {size}", id=f"{name}-card")


def register_scheme(app: Dash) -> None:
    """Let the page know which colour scheme its reader's system asks for."""
    app.clientside_callback(ClientsideFunction("tidemark", "scheme"), Output("scheme", "data"), TICK)  # type: ignore[no-untyped-call]


def chosen(choices: dict[str, Choice], name: object) -> Choice:
    """Return the choice of that name; anything else is a bad request."""
    if not isinstance(name, str) or name not in choices:
        abort(400, f"Unknown choice: use one of {', '.join(choices)}.")
    return choices[name]


def _header(name: str, controls: list[Any]) -> html.Header:
    return html.Header([html.H1("Tidemark"), html.Nav([_way(page, page == name) for page in PAGES]), *controls])


def _way(page: str, here: bool) -> html.A:
    return html.A(page, href=PAGES[page], className="here" if here else "")
