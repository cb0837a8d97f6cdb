"""Which texts say nothing: blanks of any script, and what front ends send where they have no id."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from string import punctuation
from typing import NamedTuple

NoId = Callable[[str], bool]


class Placeholders(NamedTuple):
    """Words that stand for no id: of whatever kind, and of a card."""

    of_any: tuple[str, ...] = ()
    of_cards: tuple[str, ...] = ()


NO_WORDS = Placeholders()


def _letters(ranges: Sequence[tuple[int, int]]) -> str:
    return "".join(map(chr, chain.from_iterable(range(first, last + 1) for first, last in ranges)))


# What shows nothing: controls, white space, and what Unicode ignores by default (White_Space in
# PropList.txt, Default_Ignorable_Code_Point in DerivedCoreProperties.txt, as far as UTF-16 has them
# in one unit), and Braille's empty cell.
BLANKS = _letters(
    [
        *((0x0000, 0x0020), (0x007F, 0x00A0), (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160)),
        *((0x1680, 0x1680), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F)),
        *((0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0)),
        (0xFFF0, 0xFFFB),
    ]
)
SIGNS = punctuation + BLANKS + "–—…"  # noqa: RUF001 - dashes
NOTHING = SIGNS + "0"


def listed(words: Iterable[str]) -> frozenset[str]:
    """Return words as they are compared: without signs around them, in small letters."""
    return frozenset(word.strip(SIGNS).lower() for word in words)


def no_id(words: Iterable[str]) -> NoId:
    """Return what says whether a text is no id: one of `words`, in whatever case and with whatever
    signs around it, or a text of nothing but signs and zeros.
    """
    known = listed(words)

    def is_none(text: str) -> bool:
        return text.strip(SIGNS).lower() in known or not text.strip(NOTHING)

    return is_none
