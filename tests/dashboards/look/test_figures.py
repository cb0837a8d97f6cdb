"""The look of figures: both schemes can be read, and a figure without data says why."""

import pytest

from dashboards.look import figures


def test_an_empty_figure_says_what_is_missing() -> None:
    figure = figures.empty(figures.SCHEMES["light"], "No orders yet")
    assert [note.text for note in figure.layout.annotations] == ["No orders yet"]
    assert not figure.data


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", figures.SCHEMES)
@pytest.mark.parametrize(
    ("part", "least"), [("text", 4.5), *((line, 3.0) for line in ("teal", "blue", "violet", "amber", "red"))]
)
def test_colours_hold_their_contrast(name: str, part: str, least: float) -> None:
    scheme = figures.SCHEMES[name]
    light, dark = sorted((luminance(getattr(scheme, part)), luminance(scheme.surface)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least
