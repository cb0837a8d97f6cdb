"""Which texts stand for no id at all: what front ends send where they have none."""

from collections.abc import Callable, Iterable
from string import punctuation, whitespace

NoId = Callable[[str], bool]

SIGNS = punctuation + whitespace + "–—…\N{NO-BREAK SPACE}"  # noqa: RUF001 - dashes
NOTHING = SIGNS + "0"


def no_id(words: Iterable[str]) -> NoId:
    """Return what says whether a text is no id: one of `words`, in whatever case and with whatever
    signs around it, or a text of nothing but signs and zeros.
    """
    listed = {word.strip(SIGNS).lower() for word in words}

    def is_none(text: str) -> bool:
        return text.strip(SIGNS).lower() in listed or not text.strip(NOTHING)

    return is_none
