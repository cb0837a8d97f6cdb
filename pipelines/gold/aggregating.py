"""The one way from silver to a gold table: its verb, called with the tables that it names, by the
stream and by a recomputation alike.
"""

import inspect
from collections.abc import Callable
from typing import Protocol

from pyspark.sql import DataFrame

from pipelines.table import Table


class Gold(Protocol):
    """A module of a gold table."""

    TABLE: Table

    @property
    def aggregate(self) -> Callable[..., DataFrame]:
        """The table's verb: its parameters are the tables it is made from, in their order, and
        `lateness` where it groups by time.
        """


def aggregate(gold: Gold, read: Callable[[str], DataFrame], lateness: Callable[[str], str]) -> DataFrame:
    """Return a gold table's rows, made of what `read` returns of each table that it is made from.

    `lateness` tells, by the table's name, how late an event may come and still count in a stream.
    """
    sources = [read(name) for name in gold.TABLE.made_from]
    if "lateness" in inspect.signature(gold.aggregate).parameters:
        return gold.aggregate(*sources, lateness=lateness(gold.TABLE.name))
    return gold.aggregate(*sources)
