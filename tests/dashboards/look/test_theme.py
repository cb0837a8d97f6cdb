"""The colours of pages.css: those of figures again, and words in them can be read."""

import re
from pathlib import Path

import pytest

from dashboards import look
from dashboards.look.figures import SCHEMES

CSS = (Path(look.__path__[0]) / "assets" / "pages.css").read_text()
BLOCKS = {"light": r":root \{(.*?)\}", "dark": r':root\[data-mantine-color-scheme="dark"\] \{(.*?)\}'}


def colours(scheme: str) -> dict[str, str]:
    """The CSS variables of a scheme."""
    found = re.search(BLOCKS[scheme], CSS, re.DOTALL)
    assert found
    return dict(re.findall(r"--(\w+): (#\w{6});", found[1]))


def rgb(colour: str) -> list[float]:
    """Red, green and blue, 0 to 1."""
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(parts: list[float]) -> float:
    """Relative luminance after WCAG 2.2."""
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", SCHEMES)
def test_figures_and_pages_have_the_same_colours(scheme: str) -> None:
    known = colours(scheme)
    drawn = SCHEMES[scheme]._asdict()
    assert {name: known[name] for name in ("teal", "blue", "violet", "amber", "red")}.items() <= drawn.items()
    assert known["muted"] == drawn["text"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("tone", ["good", "late", "bad", "calm", "idle", "ink", "muted"])
def test_words_can_be_read_on_a_tenth_of_their_own_colour(scheme: str, tone: str) -> None:
    word, surface = rgb(colours(scheme)[tone]), rgb(SCHEMES[scheme].surface)
    ground = [0.1 * w + 0.9 * s for w, s in zip(word, surface, strict=True)]  # as Mantine's light badges have it
    light, dark = sorted((luminance(word), luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
