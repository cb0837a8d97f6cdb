"""What a page is: the contract between the folders of this package and the app, which serves all
pages alike, and the command that takes their pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dash import Dash

from dashboards.look.frame import Layout
from dashboards.settings import Settings
from dashboards.trino import Ask


@dataclass(frozen=True)
class Page:
    """One page of the site, in a folder of its own.

    `name` is the folder's name; the page's picture is called so too. `title` stands in the
    navigation and in the browser's tab. `path` begins and ends with a slash.

    `layout` returns the page without its data. `register` adds the callbacks that fill it: it is
    given the page's app, what asks Trino, and the settings. `drawn` are CSS selectors: once each
    of them finds something, the page is whole and a picture of it may be taken.
    """

    name: str
    title: str
    path: str
    layout: Callable[[], Layout]
    register: Callable[[Dash, Ask, Settings], None]
    drawn: tuple[str, ...]
