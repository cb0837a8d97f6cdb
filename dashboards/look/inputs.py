"""What callbacks start from: the tick, the colour scheme, and choices of the reader, which are
checked against a list before anything is done with them.
"""

from collections.abc import Mapping
from typing import TypeVar

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc
from flask import abort

TICK = Input("tick", "n_intervals")
SCHEME = Input("scheme", "data")

Choice = TypeVar("Choice")


def sources(refresh_s: float) -> list[dcc.Interval | dcc.Store]:
    """Return the invisible parts of a page that TICK and SCHEME read."""
    return [dcc.Interval(id="tick", interval=int(1000 * refresh_s)), dcc.Store(id="scheme")]


def register_scheme(app: Dash) -> None:
    """Fill SCHEME with "light" or "dark" when the page opens and whenever the reader changes it;
    the functions are in assets/scheme.js.
    """
    opened = Input("tick", "interval")
    app.clientside_callback(ClientsideFunction("tidemark", "scheme"), Output("scheme", "data"), opened)  # type: ignore[no-untyped-call]


def choice(name: str, labels: Mapping[str, str], first: str, label: str) -> dmc.SegmentedControl:
    """Return one choice out of a few, by name and label; `label` says what is chosen."""
    options = [{"label": text, "value": value} for value, text in labels.items()]
    return dmc.SegmentedControl(id=name, data=options, value=first, attributes={"root": {"aria-label": label}})


def chosen(choices: Mapping[str, Choice], name: object) -> Choice:
    """Return the choice of that name; anything else is a bad request."""
    if not isinstance(name, str) or name not in choices:
        abort(400, f"Unknown choice: use one of {', '.join(choices)}.")
    return choices[name]
