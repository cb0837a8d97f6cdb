"""The SQL prompt: statements end with a semicolon, Ctrl-D leaves."""

import readline  # noqa: F401  (importing it gives `input` a history and editing)
from collections.abc import Iterator

from requests import RequestException
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from trino.exceptions import Error as TrinoError
from trino.exceptions import HttpError, TrinoQueryError

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import settings
from stack.trino_access import is_for_the_admin
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


def answered(query: str, admin: bool = False) -> Answer:
    """Return Trino's answer to a reader or its admin; raise ServiceUnreachable with one sentence if
    it refuses or cannot be reached.
    """
    try:
        return answer(query.strip().rstrip(";"), admin)
    except TrinoQueryError as error:
        who = "" if admin or not is_for_the_admin(error) else "; only the admin may: make sql ADMIN=1"
        raise ServiceUnreachable(f"Trino refused the query: {error.message}{who}") from error
    except HttpError as error:
        hint = "after TIDEMARK_TRINO__PASSWORD has changed: make down, make up"
        raise ServiceUnreachable(f"Trino let nobody in ({error}); {hint}.") from error
    except (TrinoError, RequestException) as error:
        trino = settings().trino
        port = trino.https_port if admin else trino.port
        raise ServiceUnreachable(f"Trino does not answer at {trino.host}:{port}: run make up.") from error


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


def converse(console: Console, admin: bool = False) -> None:
    """Answer statements until the end of input; a refused one is reported and the prompt goes
    on.
    """
    may = "You may write" if admin else "You may read; make sql ADMIN=1 may write"
    console.print(f"Trino speaks SQL here; end a statement with ; and leave with Ctrl-D. {may}.")
    for statement in statements("lake (admin)> " if admin else "lake> "):
        try:
            show(answered(statement, admin), console)
        except ServiceUnreachable as error:
            console.print(f"[red]✗[/] {escape(str(error))}", highlight=False)
