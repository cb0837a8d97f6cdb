"""Product tiles: letters and colours of categories, and that white letters can be read on all."""

from collections.abc import Callable
from colorsys import hls_to_rgb
from typing import Any

import pytest

from dashboards.look import products

Shown = Callable[[Any], str]


@pytest.mark.parametrize(
    ("category", "letters"),
    [("bed_bath_table", "BB"), ("toys", "T"), ("_", "?"), ("", "?"), (None, "?"), ("ferramentas jardim", "FJ")],
)
def test_a_category_has_its_initials(category: str | None, letters: str) -> None:
    assert products.letters(category) == letters


def test_a_category_has_one_colour_and_no_category_none() -> None:
    known = {products.colour(category) for category in ("toys", "toys", "health_beauty", "telephony")}
    assert len(known) == 3
    assert products.colour(None) == products.colour("") == products.UNKNOWN_COLOUR


@pytest.mark.parametrize("hue", range(0, 360, 5))
def test_white_letters_can_be_read_on_every_hue(hue: int) -> None:
    parts = hls_to_rgb(hue / 360, products.LIGHTNESS / 100, products.SATURATION / 100)
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # relative, after WCAG 2.2
    assert 1.05 / (luminance + 0.05) >= 4.5


def test_a_tile_names_the_product_and_its_category(shown: Shown) -> None:
    words = shown(products.tile("product-7", "bed_bath_table", "12 visits", "3 views"))
    assert words == "BB product-7 bed bath table 12 visits 3 views"
    assert "category unknown" in shown(products.tile("product-7", None, "", ""))


def test_a_long_name_is_cut_at_its_beginning_which_many_share(shown: Shown) -> None:
    tile = products.tile("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "toys", "", "")
    assert "…c3d2e1f0" in shown(tile)
    assert "0f1e2d3c4b5a69788796a5b4c3d2e1f0" in str(tile)
