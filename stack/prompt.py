"""The SQL prompt: statements end with a semicolon, Ctrl-D leaves."""

import readline  # noqa: F401  (importing it gives `input` a history and editing)
from collections.abc import Iterator

from requests import RequestException
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from trino.exceptions import Error as TrinoError
from trino.exceptions import TrinoQueryError

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import settings
from stack.trino_client import Answer, answer


def show(given: Answer, console: Console) -> None:
    """Print an answer: as a table on a terminal, elsewhere with a tab between two values."""
    lines = [["" if value is None else str(value) for value in row] for row in (given.columns, *given.rows)]
    if not console.is_terminal:
        console.file.writelines("\t".join(line) + "\n" for line in lines)
        return
    table = Table(*map(escape, lines[0]), box=None, header_style="bold")
    for line in lines[1:]:
        table.add_row(*map(Text, line))
    console.print(table)


def answered(query: str) -> Answer:
    """Return Trino's answer; raise ServiceUnreachable with one sentence if it refuses or cannot be
    reached.
    """
    try:
        return answer(query.strip().rstrip(";"))
    except TrinoQueryError as error:
        raise ServiceUnreachable(f"Trino refused the query: {error.message}") from error
    except (TrinoError, RequestException) as error:
        trino = settings().trino
        raise ServiceUnreachable(f"Trino does not answer at {trino.host}:{trino.port}: run make up.") from error


def statements(ask: str = "lake> ", more: str = "   -> ") -> Iterator[str]:
    """Yield statements as they are typed, until the end of input."""
    lines: list[str] = []
    while True:
        try:
            lines.append(input(more if lines else ask))
        except EOFError:
            return
        if lines[-1].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []


def converse(console: Console) -> None:
    """Answer statements until the end of input; a refused one is reported and the prompt goes
    on.
    """
    console.print("Trino speaks SQL here; end a statement with ; and leave with Ctrl-D.")
    for statement in statements():
        try:
            show(answered(statement), console)
        except ServiceUnreachable as error:
            console.print(f"[red]✗[/] {escape(str(error))}", highlight=False)
