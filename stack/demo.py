"""The whole demo: services, contracts, streams, first models, the shop, the page, and then the live
line until it is interrupted.
"""

import signal
from pathlib import Path

from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.markup import escape

from pipelines.base import shutdown
from pipelines.base.errors import ServiceUnreachable, TidemarkError
from pipelines.base.settings import settings
from stack import dotenv_file, folders, lifecycle, live_line, programs, steps, supervision
from stack.service import Service
from stack.services import services

# Frauds come in bursts: of a thousand orders a day, 45 days always had enough of them to learn
# from, calibrate and measure on.
HISTORY = ("-m", "simulator", "history", "--days", "45", "--orders-per-day", "1000")
TRAINING = ("jobs/tasks/train_fraud_model.py", "--if-needed")
INDEXING = ("jobs/tasks/build_recommendations.py", "--if-needed")
REGISTERED = "model_registered"  # logged by the one that was needed
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
    with shutdown.interruptible():
        try:
            _start(known, rate, console, restarts)
            console.print(_where(), soft_wrap=True)
            live_line.watch(console, restarts)
        except KeyboardInterrupt:
            _print(console, "\n  stopping")
        finally:
            _take_down(known, console)


def _take_down(known: list[Service], console: Console) -> None:
    """Stop everything and do not be hurried by another Ctrl-C."""
    for number in shutdown.ENDS:
        signal.signal(number, signal.SIG_IGN)
    lifecycle.down(known, lambda name, seconds: _print(console, f"  {name:<10} stopped after {seconds:.1f} s"))


def _print(console: Console, text: str) -> None:
    """Print a line if anybody can still read it."""
    try:
        console.print(text, highlight=False)
    except (OSError, SystemExit):
        # The terminal was closed, or the pipe: rich then ends the program.
        console.quiet = True


def _start(known: list[Service], rate: int, console: Console, restarts: supervision.Restarts) -> None:
    def ready(name: str, seconds: float) -> None:
        console.print(f"  {name:<10} ready after {seconds:.1f} s", highlight=False)

    def open_streams() -> None:
        lifecycle.up([programs.streams(), programs.dash(), programs.api()], known, ready)
        # From here on: history and training take minutes, in which they may crash.
        restarts.counted(supervision.processes())

    lifecycle.up(services(), known, ready)
    steps.run("contracts", ("jobs/tasks/register_contracts.py",), console)
    is_new = wants_history()
    if is_new:
        open_streams()
        _send_history(console)
    with steps.running("training", TRAINING) as training, steps.running("index", INDEXING) as index:
        if not is_new:
            # It takes seconds to look whether they are needed: meanwhile the streams start.
            open_streams()
        _finish(training, "fraud model", console)
        lifecycle.up([programs.simulator(rate)], known, ready)
        # Sessions come to its table a minute or two after the history: the shop need not wait.
        _finish(index, "index for recommendations", console)


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
    steps.run("history", HISTORY, console)
    _under_way().unlink()


def _finish(step: steps.Step, model: str, console: Console) -> None:
    """Wait for what makes a first model, and print so unless one served already; without one the
    shop runs all the same, payments just stay without a score, and visitors without a list.
    """
    try:
        logged = step.finish(console)
    except TidemarkError as error:
        console.print(f"[yellow]  no {model} yet, the next make demo tries again:[/] {escape(str(error))}", highlight=False)
        return
    if REGISTERED in logged:
        step.print_done(console)


def has_records(topic: str) -> bool:
    """Return whether anything was ever sent to this topic; raises ServiceUnreachable when Kafka
    does not answer.
    """
    servers = settings().kafka.bootstrap_servers
    sent = live_line.offsets(AdminClient({"bootstrap.servers": servers, "log_level": 0}), topic)
    if sent is None:
        raise ServiceUnreachable(f"Kafka at {servers} did not say what {topic} holds: look at its log (make status).")
    return sent > 0


def _where() -> str:
    trino, mlflow = settings().trino, settings().mlflow
    return WHERE.format(
        page=programs.page(),
        lake=settings().catalog.name,
        trino=f"{trino.host}:{trino.port}",
        api=programs.api_url(),
        mlflow=mlflow.url,
        user=mlflow.user,
        spark=programs.spark_ui(),
        logs=folders.log("x").parent,
    )
