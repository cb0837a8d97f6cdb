"""What stands around every page: the theme, a header with the way to the other pages, a footer."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboards.look import inputs
from dashboards.look.messages import remark
from dashboards.look.theme import THEME

WIDEST_PX = 1480
FAILING = "failing-queries"  # where it stands which queries fail; dashboards/streams.py fills it


class Layout(NamedTuple):
    """What is a page's own in the frame: controls of its header, its body, and a remark below.

    None of it holds data; the callbacks fill it, once every `refresh_s` seconds.
    """

    controls: Sequence[Component]
    body: Sequence[Component]
    footer: str
    refresh_s: float


def frame(layout: Layout, here: str, links: Sequence[tuple[str, str]]) -> dmc.MantineProvider:
    """Return a whole page; `links` are the titles and paths of all pages, `here` is this one's."""
    header = html.Header(dmc.Group(_header(layout.controls, here, links), gap="md"))
    failing = html.Div(id=FAILING)
    parts = [header, html.Main([failing, *layout.body]), html.Footer(remark(layout.footer))]
    page = dmc.Container(parts, size=WIDEST_PX, className="page")
    return dmc.MantineProvider([page, *inputs.sources(layout.refresh_s)], theme=THEME, defaultColorScheme="auto")


def _header(controls: Sequence[Component], here: str, links: Sequence[tuple[str, str]]) -> list[Component]:
    ways = dmc.Group([_way(title, path, path == here) for title, path in links], gap=4)
    toggle = dmc.ColorSchemeToggle(lightIcon="☀", darkIcon="☾", **_labelled("Light or dark"))
    return [dmc.Title("Tidemark", order=1, size=21, c="var(--teal)"), html.Nav(ways, **_labelled("Pages")), *controls, toggle]


def _way(title: str, path: str, here: bool) -> dmc.NavLink:
    current: dict[str, Any] = {"aria-current": "page"} if here else {}
    # Each page is an app of its own, so the browser loads it anew.
    return dmc.NavLink(label=title, href=path, active=here, refresh=True, w="auto", py=4, bdrs="md", **current)


def _labelled(text: str) -> dict[str, Any]:
    return {"aria-label": text}
