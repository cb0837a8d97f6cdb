"""The verbs of the local stack, behind the Makefile's."""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipelines.base.errors import TidemarkError
from pipelines.base.paths import located
from pipelines.base.settings import settings
from stack import demo, dotenv_file, failing_queries, lifecycle, prompt, status, trino_access
from stack.programs import programs
from stack.service import Service
from stack.services import postgres, services

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Start, check and stop the local stack.")
out = Console()
err = Console(stderr=True)

Rate = Annotated[int, typer.Option(envvar="RATE", min=1, help="Events per second of the simulated shop.")]
DEFAULT_RATE = 200
SPARED_BY_CLEAN = {"jars", "test"}  # what was downloaded, and the stacks of tests that may be running
AsJson = Annotated[bool, typer.Option("--json", help="Print measurements as JSON.")]


def main() -> None:
    """Run one verb; what the user can mend comes as one sentence and exit code 1."""
    try:
        app()
    except TidemarkError as error:
        err.print(f"[bold red]✗[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)


def _reporting(console: Console, verb: str) -> lifecycle.Report:
    return lambda name, seconds: console.print(f"  {name:<10} {verb} after {seconds:.1f} s", highlight=False)


def _known() -> list[Service]:
    """Return all that the supervisor may run: the services and the demo's programs."""
    return [*services(), *programs(DEFAULT_RATE)]


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start the six services and wait until each answers."""
    console = err if as_json else out
    if dotenv_file.ensure():
        console.print(f"  wrote {dotenv_file.FILE.name} with random passwords")
    began = time.monotonic()
    wanted = services()
    seconds = lifecycle.up(wanted, _known(), _reporting(console, "ready"))
    if as_json:
        mb = {row.name: row.resident_mb for row in status.rows(wanted)}
        measured = {name: {"start_s": round(s, 2), "resident_mb": mb[name]} for name, s in seconds.items()}
        typer.echo(json.dumps({"services": measured, "total_s": round(time.monotonic() - began, 2)}))


@app.command()
def down() -> None:
    """Stop everything, what needs others first."""
    lifecycle.down(_known(), _reporting(out, "stopped"))


@app.command("status")
def show_status(as_json: AsJson = False) -> None:
    """Say what runs, since when, with how much memory, and which queries fail and why; exit 1 if
    something that should run does not.
    """
    optional = {program.name for program in programs(DEFAULT_RATE)}
    rows = [row for row in status.rows(_known()) if row.name not in optional or row.state != "stopped"]
    failing = failing_queries.found() if any(row.name == "streams" for row in rows) else []
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in rows] + [{"name": each.query, **each.as_json()} for each in failing]))
    else:
        out.print(_table(rows))
        for each in failing:
            out.print(f"[red]✗[/] {escape(each.sentence())}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if all(row.state == "running" for row in rows) and not failing else 1)


@app.command()
def clean(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove all data, logs and checkpoints; jars and .venv stay."""
    state = Path(located(settings().state))
    if not yes:
        typer.confirm(
            f"Remove everything in {state} except {', '.join(SPARED_BY_CLEAN)}: all tables, topics and models?", abort=True
        )
    down()
    for child in state.iterdir() if state.exists() else ():
        if child.name not in SPARED_BY_CLEAN:
            shutil.rmtree(child) if child.is_dir() else child.unlink()


@app.command("demo")
def run_demo(rate: Rate = DEFAULT_RATE) -> None:
    """Start everything, show what flows, stop everything on Ctrl-C."""
    demo.run(rate, out)


@app.command()
def sql(
    query: Annotated[str, typer.Option(help="One statement to answer; without it, a prompt.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="As Trino's admin, who may write.")] = False,
) -> None:
    """Ask Trino, once or at a prompt: as a reader, or with --admin as one who may write."""
    if query:
        prompt.show(prompt.answered(query, admin), out)
    else:
        prompt.converse(out, admin)


@app.command()
def token() -> None:
    """Print a token (JWT) with which another program is Trino's admin for twelve hours."""
    typer.echo(trino_access.token(settings()))


@app.command()
def prepare() -> None:
    """Make PostgreSQL's roles and Trino's rules and keys for containers; make up does so itself."""
    postgres.set_up_containers()
    trino_access.write(settings())


def _table(rows: list[status.Row]) -> Table:
    table = Table(
        *(Column(name, no_wrap=True) for name in ("service", "state", "pid", "up", "MB", "port")),
        Column("log", overflow="fold"),
        box=None,
    )
    for row in rows:
        color = "green" if row.state == "running" else "red"
        numbers = ["" if n is None else f"{n:.0f}" for n in (row.pid, row.resident_mb, row.port)]
        pid, mb, port = numbers
        table.add_row(row.name, f"[{color}]{row.state}[/]", pid, row.uptime, mb, port, os.path.relpath(row.log))
    return table
