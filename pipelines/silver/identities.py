"""Rules about ids: none of those by which rows are put together is a placeholder, and the key of a
record is the id on which states depend.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.base.placeholders import NOTHING, SIGNS, Placeholders, listed
from pipelines.silver.bounds import Rules
from pipelines.table import Table


def identities(table: Table, no_ids: Placeholders) -> Rules:
    """Return the rules, by name, that follow from the table's identities and from its key.

    They look at an event, and at the column `key` of its record. Whose key column is none has no
    state, so its record may have any key.
    """
    rules = {f"{name.replace('.', '_')}_no_placeholder": _none_is(name, no_ids) for name in ("event_id", *table.identities)}
    if table.keyed_by is not None:
        rules[f"key_is_{table.keyed_by}"] = _is_key(table.keyed_by, (*no_ids.of_any, *no_ids.of_cards))
    return rules


def is_none(text: Column, words: Iterable[str]) -> Column:
    """Return whether a text is no id: the same as `no_id` of pipelines/base/placeholders.py says,
    as an expression.
    """
    return text.rlike(_pattern(words))


def _none_is(name: str, no_ids: Placeholders) -> Callable[[Column], Column]:
    parent, _, inner = name.rpartition(".")
    if not parent:
        return lambda event: ~is_none(event[name], no_ids.of_any)
    return lambda event: F.forall(event[parent], lambda each: ~is_none(each[inner], no_ids.of_any))


def _is_key(name: str, words: Iterable[str]) -> Callable[[Column], Column]:
    return lambda event: F.col("key").eqNullSafe(event[name].cast("binary")) | is_none(event[name], words)


def _pattern(words: Iterable[str]) -> str:
    """Return the regular expression of Java's for a text that is no id."""
    signs, nothing = _any_of(SIGNS), _any_of(NOTHING)
    any_word = "|".join(map(re.escape, sorted(filter(None, listed(words)))))
    of_words = f"(?iu:{any_word}){signs}*+|" if any_word else ""
    return rf"\A{signs}*+(?:{of_words}{nothing}*+)\z"


def _any_of(letters: str) -> str:
    """Return the class of these letters, in ranges: Java asks one after the other."""
    ranges = _ranges(sorted(map(ord, set(letters))))
    return "[" + "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges) + "]"


def _ranges(numbers: list[int]) -> Iterator[tuple[int, int]]:
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last
