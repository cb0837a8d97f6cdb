"""Products as tiles: there are no pictures of them, so each has the colour and the letters of its
category.
"""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import dash_mantine_components as dmc
from dash import html

from dashboards.look import formats
from dashboards.look.messages import remark

TILES_PER_ROW = {"base": 2, "sm": 3, "lg": 6}
UNKNOWN = "?"
LONGEST_NAME = 16
UNKNOWN_COLOUR = "hsl(0 0% 38%)"
SATURATION, LIGHTNESS = 55, 28


def tiles(products: Sequence[dmc.Paper]) -> dmc.SimpleGrid:
    """Return tiles beside each other, two in a row on a narrow screen."""
    return dmc.SimpleGrid(list(products), cols=TILES_PER_ROW, spacing="xs")


def tile(product_id: str, category: str | None, number: Any, note: Any) -> dmc.Paper:
    """Return a product with its category, what is counted of it, and a small note."""
    known = formats.words(category) if category else "category unknown"
    name = product_id if len(product_id) <= LONGEST_NAME else formats.short(product_id)
    names = [html.Div(name, className="name", title=product_id), remark(html.Span(known, title=known), truncate=True)]
    head = dmc.Group([_square(category), html.Div(names, className="names")], gap="xs", wrap="nowrap")
    return dmc.Paper([head, dmc.Text(number, size="sm", fw=600, mt=4), remark(note)], className="product", p="xs")


def letters(category: str | None) -> str:
    """Return the initials of a category: "BB" of "bed_bath_table", "?" where it is not known."""
    parts = [part for part in formats.words(category or "").split() if part]
    return "".join(part[0] for part in parts[:2]).upper() or UNKNOWN


def colour(category: str | None) -> str:
    """Return a category's colour in CSS: always the same, dark enough for white letters."""
    if not category:
        return UNKNOWN_COLOUR
    return f"hsl({crc32(category.encode()) % 360} {SATURATION}% {LIGHTNESS}%)"


def _square(category: str | None) -> html.Div:
    shown: dict[str, Any] = {"aria-hidden": "true"}  # the words beside it say the same
    return html.Div(letters(category), className="swatch", style={"background": colour(category)}, **shown)
