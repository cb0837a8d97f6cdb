"""What a table is: its grain, its columns with a sentence each, its key and its partitioning."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """A column: name, Spark SQL type, one sentence; `required` columns are never null."""

    name: str
    type: str
    meaning: str
    required: bool = True


@dataclass(frozen=True)
class Table:
    """A table of the lakehouse, named `layer.name`; module, query, checkpoint folder and tests
    carry the same word.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partitioning: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)
    topic: str | None = None
    # The tables that its query reads as streams, in the order in which the query names them.
    made_from: tuple[str, ...] = ()

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in the table's order."""
        return [column.name for column in self.columns]
