"""The verbs of the local stack, behind the Makefile's."""

import json
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.errors import TidemarkError
from stack import dotenv_file, lifecycle, status
from stack.services import services

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Start, check and stop the local stack.")
out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print measurements as JSON.")]


def main() -> None:
    """Run one verb; what the user can mend comes as one sentence and exit code 1."""
    try:
        app()
    except TidemarkError as error:
        err.print(f"[bold red]✗[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


def _told(console: Console, verb: str) -> lifecycle.Told:
    return lambda name, seconds: console.print(f"  {name:<10} {verb} after {seconds:.1f} s", highlight=False)


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start the six services and wait until each answers."""
    console = err if as_json else out
    if dotenv_file.ensure():
        console.print(f"  wrote {dotenv_file.FILE.name} with random passwords")
    began = time.monotonic()
    wanted = services()
    seconds = lifecycle.up(wanted, wanted, _told(console, "ready"))
    if as_json:
        mb = {row.name: row.resident_mb for row in status.rows(wanted)}
        measured = {name: {"start_s": round(s, 2), "resident_mb": mb[name]} for name, s in seconds.items()}
        typer.echo(json.dumps({"services": measured, "total_s": round(time.monotonic() - began, 2)}))


@app.command()
def down() -> None:
    """Stop everything, what needs others first."""
    lifecycle.down(services(), _told(out, "stopped"))


@app.command("status")
def show_status(as_json: AsJson = False) -> None:
    """Say what runs, since when, with how much memory; exit 1 if something that should run does not."""
    rows = status.rows(services())
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in rows]))
    else:
        out.print(_table(rows))
    raise typer.Exit(0 if all(row.state == "running" for row in rows) else 1)


def _table(rows: list[status.Row]) -> Table:
    table = Table("service", "state", "pid", "up", "MB", "port", "log", box=None)
    for row in rows:
        color = "green" if row.state == "running" else "red"
        numbers = ["" if n is None else f"{n:.0f}" for n in (row.pid, row.resident_mb, row.port)]
        pid, mb, port = numbers
        table.add_row(row.name, f"[{color}]{row.state}[/]", pid, row.uptime, mb, port, str(row.log))
    return table
