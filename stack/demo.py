"""The whole demo: services, contracts, streams, a first model, the shop, the page, and a line of
what flows.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from pipelines.base.errors import ServiceUnreachable, TidemarkError
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from pipelines.fraud.features.feature_set import FEATURE_SET
from stack import dotenv_file, flow, folders, lifecycle, programs, supervision
from stack.service import Service
from stack.services import services

LOOK_EVERY_S = 5.0  # each look is a query to Trino, a tenth of a core at this pace
STOP_WITHIN_S = 60.0
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a kill, a terminal that was closed
# MLflow's words for an unknown model, an unknown alias.
NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
# Frauds come in bursts: of a thousand orders a day, 45 days always had enough of them to learn
# from, calibrate and measure on.
HISTORY = ("-m", "simulator", "history", "--days", "45", "--orders-per-day", "1000")
WHERE = """
  [bold]page[/]    {page}
  [bold]SQL[/]     make sql Q="select * from {lake}.gold.orders limit 5"   (Trino: http://{trino})
  [bold]API[/]     {api}/docs   (key: TIDEMARK_API__KEYS in .env)
  [bold]models[/]  {mlflow}   (user {user}, password: TIDEMARK_MLFLOW__PASSWORD in .env)
  [bold]queries[/] {spark}
  [bold]logs[/]    {logs}

  Ctrl-C stops everything; make demo goes on where it stopped.
"""


def run(rate: int, console: Console) -> None:
    """Bring everything up, show what flows until Ctrl-C, SIGTERM or a closed terminal, then take
    everything down.
    """
    if dotenv_file.ensure():
        console.print("  wrote .env with random passwords")
    known, restarts = [*services(), *programs.programs(rate)], supervision.Restarts()
    with _interruptible():
        try:
            _start(known, rate, console, restarts)
            console.print(_where(), soft_wrap=True)
            _watch(console, restarts)
        except KeyboardInterrupt:
            _say(console, "\n  stopping")
        finally:
            _take_down(known, console)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let a SIGTERM or a closed terminal end the demo as Ctrl-C does, and Ctrl-C also where the
    shell had it ignored.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _take_down(known: list[Service], console: Console) -> None:
    """Stop everything and do not be hurried by another Ctrl-C."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    lifecycle.down(known, lambda name, seconds: _say(console, f"  {name:<10} stopped after {seconds:.1f} s"))


def _say(console: Console, text: str) -> None:
    """Print a line if anybody can still read it."""
    try:
        console.print(text, highlight=False)
    except (OSError, SystemExit):
        # The terminal was closed, or the pipe: rich then ends the program.
        console.quiet = True


def _start(known: list[Service], rate: int, console: Console, restarts: supervision.Restarts) -> None:
    def told(name: str, seconds: float) -> None:
        console.print(f"  {name:<10} ready after {seconds:.1f} s", highlight=False)

    lifecycle.up(services(), known, told)
    _step("contracts", ["jobs/tasks/register_contracts.py"], console)
    wanted = wants_history()
    lifecycle.up([programs.streams(), programs.dash(), programs.api()], known, told)
    # From here on: history and training take minutes, in which they may crash.
    restarts.counted(supervision.processes())
    if wanted:
        _send_history(console)
    if not has_champion():
        _train(console)
    lifecycle.up([programs.simulator(rate)], known, told)


def wants_history() -> bool:
    """Return whether nothing was ever paid in this shop, or its first history was interrupted."""
    return _under_way().exists() or not has_records("shop.payments")


def _under_way() -> Path:
    return folders.state() / "history_under_way"


def _send_history(console: Console) -> None:
    """Send the first history, or what is missing of one that was interrupted: the simulator knows
    how far it came.
    """
    _under_way().touch()
    _step("history", list(HISTORY), console)
    _under_way().unlink()


def _train(console: Console) -> None:
    """Train the first model of today's features; without one the shop runs all the same, payments
    just stay without a score.
    """
    try:
        _step("training", ["jobs/tasks/train_fraud_model.py"], console)
    except TidemarkError as error:
        console.print(f"[yellow]  no fraud model yet, the next make demo tries again:[/] {escape(str(error))}", highlight=False)


def _step(name: str, arguments: list[str], console: Console) -> None:
    """Run one Python program of ours to its end; raise with the end of its log if it fails."""
    began = time.monotonic()
    with console.status(f"{name} … ({folders.log(name)})"):
        code = _ended(name, [sys.executable, *arguments])
    if code != 0:
        raise TidemarkError(f"{name} failed with exit code {code}; its log ends: {lifecycle.log_end(name)}")
    console.print(f"  {name:<10} done after {time.monotonic() - began:.1f} s", highlight=False)


def _ended(name: str, command: list[str]) -> int:
    """Return a program's exit code; an interrupt asks it to stop and waits until it has."""
    environment = {**os.environ, **programs.spark_environment()}
    with folders.log(name).open("ab") as log:
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(STOP_WITHIN_S)
            raise
        finally:  # it has ended, or was asked to for long enough
            child.kill()
            child.wait()


def has_records(topic: str) -> bool:
    """Return whether anything was ever sent to this topic; raises ServiceUnreachable when Kafka
    does not answer.
    """
    servers = settings().kafka.bootstrap_servers
    sent = flow.offsets(AdminClient({"bootstrap.servers": servers, "log_level": 0}), topic)
    if sent is None:
        raise ServiceUnreachable(f"Kafka at {servers} did not say what {topic} holds: look at its log (make status).")
    return sent > 0


def has_champion() -> bool:
    """Return whether there is a fraud model of today's features; raises ServiceUnreachable when
    MLflow does not say.
    """
    told = settings()
    query = {"name": told.fraud.model_name, "alias": "champion"}
    address = f"{told.mlflow.url}/api/2.0/mlflow/registered-models/alias"
    ours = (told.mlflow.user, told.mlflow.password.get_secret_value())
    try:
        found = httpx.get(address, params=query, auth=ours, timeout=30)
    except httpx.TransportError as error:
        raise ServiceUnreachable(
            f"MLflow does not answer at {told.mlflow.url} ({error}): look at its log (make status)."
        ) from error
    if found.status_code == httpx.codes.UNAUTHORIZED:
        raise ServiceUnreachable(
            f"MLflow at {told.mlflow.url} refuses the password of {told.mlflow.user}: it takes the one of "
            "TIDEMARK_MLFLOW__PASSWORD when it starts, so after a change run make down first."
        )
    if not found.is_success and not any(word in found.text for word in NOT_THERE):
        raise ServiceUnreachable(
            f"MLflow at {told.mlflow.url} answered {found.status_code} when asked for the champion of "
            f"{told.fraud.model_name}: look at its log (make status)."
        )
    return found.is_success and _tags(found).get("feature_set") == FEATURE_SET


def _tags(found: httpx.Response) -> dict[str, str]:
    """Return the tags of the model version that MLflow has found."""
    return {tag["key"]: tag["value"] for tag in found.json()["model_version"].get("tags", ())}


def _where() -> str:
    told = settings()
    return WHERE.format(
        page=programs.page(),
        lake=told.catalog.name,
        trino=f"{told.trino.host}:{told.trino.port}",
        api=programs.api_url(),
        mlflow=told.mlflow.url,
        user=told.mlflow.user,
        spark=programs.spark_ui(),
        logs=folders.log("x").parent,
    )


def _watch(console: Console, restarts: supervision.Restarts) -> None:
    """Show one line, new every five seconds: in place on a terminal, below each other elsewhere."""
    looking = flow.Looking()
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            began = time.monotonic()
            line = f"  {looking.look()}{trouble(supervision.processes(), restarts)}"
            if console.is_terminal:
                live.update(line, refresh=True)
            else:
                console.print(line, highlight=False, soft_wrap=True)
            time.sleep(max(0.0, LOOK_EVERY_S - (time.monotonic() - began)))


def trouble(processes: Mapping[str, dict[str, Any]], restarts: supervision.Restarts) -> str:
    """Return which programs are down, and how often which came back since they were started;
    nothing when all is well.
    """
    down = [name for name, told in processes.items() if told["statename"] in ("FATAL", "BACKOFF", "EXITED")]
    back = [f"{name} {count}x" for name, count in restarts.counted(processes).items()]
    crashed = f" · [red]crashed: {', '.join(down)} (make status)[/]" if down else ""
    return crashed + (f" · [yellow]restarted: {', '.join(back)} (make status)[/]" if back else "")
