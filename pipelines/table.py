"""What a table is: its grain, its columns with a sentence each, its key, and how rows come into
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Column:
    """A column: name, Spark SQL type, one sentence; `required` columns are never null, and silver
    refuses a text of more than `longest` bytes, a required id that is blank where it may not
    be, and a time ahead of the record's arrival where it may not be.
    """

    name: str
    type: str
    meaning: str
    required: bool = True
    longest: int = 800  # what the API lets through: 200 characters
    may_be_blank: bool = False
    may_be_ahead: bool = False


@dataclass(frozen=True)
class Append:
    """Rows are only ever added, so streams may read the table."""


@dataclass(frozen=True)
class Merge:
    """Rows are merged by the table's key, and only leaves are: no stream reads such a table.

    An arriving row replaces the one that is there: always; with `newest_by` only where it is newer
    by the first of these columns in which they differ; with `keep_first` never.
    """

    newest_by: tuple[str, ...] = ()
    keep_first: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the lakehouse, named `layer.name`; module, query, checkpoint folder and tests
    carry the same word.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    written: Append | Merge
    partitioning: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict, hash=False)
    topic: str | None = None
    # Ids by which what is behind puts rows together, beside event_id: silver refuses a placeholder
    # for one. `items.seller_id` is that of every line.
    identities: tuple[str, ...] = ()
    # The column that is the records' key, where states depend on it: silver refuses another key.
    keyed_by: str | None = None
    # The tables that its query reads as streams, in the order in which the query names them.
    made_from: tuple[str, ...] = ()

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in the table's order."""
        return [column.name for column in self.columns]

    def take(self, *names: str, **meanings: str) -> tuple[Column, ...]:
        """Return columns of this table for another one: `names` as they are, and those of
        `meanings` with a sentence of their own.

        Raises KeyError where the table has no such column.
        """
        by_name = {column.name: column for column in self.columns}
        own = {name: replace(by_name[name], meaning=meaning) for name, meaning in meanings.items()}
        return tuple(own.get(name) or by_name[name] for name in (*names, *meanings))
