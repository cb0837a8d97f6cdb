"""What the demo decides, and that it leaves nothing running however it is ended."""

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from processes import runs
from rich.console import Console
from waiting import until

from pipelines.base import shutdown
from pipelines.base.errors import ServiceUnreachable, TidemarkError
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack import demo, lifecycle, live_line, programs, steps, supervision
from stack.service import Service
from stack.supervision import Restarts

pytestmark = pytest.mark.programs

# Notes that it runs, and does not care for SIGTERM.
STUBBORN = """
import os, pathlib, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
fresh = pathlib.Path(sys.argv[1] + ".new")
fresh.write_text(str(os.getpid()))
fresh.rename(sys.argv[1])
while True:
    signal.pause()
"""
# A demo of this one program, which has the terminal it is given for its own.
DEMO = """
import fcntl, sys, termios, time
from pathlib import Path
from rich.console import Console
from stack import demo, lifecycle
from stack.service import Service
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
program, noted = sys.argv[1:]
command = [sys.executable, program, noted]
demo.services = lambda: []
demo.programs.programs = lambda rate: [Service("stubborn", command, Path(noted).exists, stop_within_s=5)]
demo._start = lambda known, rate, console, restarts: lifecycle.up(known, known, lambda name, seconds: None)
def watch(console, restarts):
    while True:  # not signal.pause(), which sleeps through a signal that comes just before it
        time.sleep(0.2)
demo.live_line.watch = watch
demo.run(1, Console())
"""
TWICE = "from rich.console import Console; from stack import demo; c = Console(); demo._print(c, 'a'); demo._print(c, 'b')"


@pytest.mark.usefixtures("state")
def test_a_kafka_that_does_not_answer_is_not_taken_for_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_line, "KAFKA_WITHIN_S", 0.2)
    monkeypatch.setenv("TIDEMARK_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(ServiceUnreachable, match=r"Kafka at 127\.0\.0\.1:1 did not say what shop\.payments holds"):
        demo.wants_history()


@pytest.mark.usefixtures("state")
def test_an_interrupted_history_is_wanted_again_and_a_whole_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "has_records", lambda topic: True)
    assert not demo.wants_history()
    monkeypatch.setattr(demo, "HISTORY", ("-c", "raise SystemExit(1)"))
    with pytest.raises(TidemarkError, match="history failed"):
        demo._send_history(Console(quiet=True))
    assert demo.wants_history()
    monkeypatch.setattr(demo, "HISTORY", ("-c", ""))
    demo._send_history(Console(quiet=True))
    assert not demo.wants_history()


@pytest.mark.usefixtures("state")
def test_a_closed_terminal_ends_the_demo_and_nothing_is_left(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    program = tmp_path / "stubborn.py"
    program.write_text(STUBBORN)
    command = [sys.executable, "-c", DEMO, str(program), str(tmp_path / "noted")]
    child = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        shown = b""
        while b"Ctrl-C stops everything" not in shown:
            shown += os.read(ours, 1000)
        supervisor = psutil.Process(supervision.call("getPID"))
        family = [supervisor, *supervisor.children(recursive=True)]
        assert len(family) > 1
        os.close(ours)
        until(lambda: supervision.processes()["stubborn"]["statename"] == "STOPPING", "it is being stopped")
        child.send_signal(signal.SIGHUP)
        # Python's own 120 says that there was something which nobody could read.
        assert child.wait(60) in (0, 120)
    finally:
        child.kill()
        child.wait()
    assert not any(map(runs, family))


def test_where_nobody_reads_it_says_nothing_and_goes_on() -> None:
    read, write = os.pipe()
    os.close(read)
    assert subprocess.run([sys.executable, "-c", TWICE], cwd=ROOT, stdout=write, check=False).returncode == 0
    os.close(write)


@pytest.mark.usefixtures("state")
def test_a_step_that_does_not_stop_when_interrupted_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(steps, "STOP_WITHIN_S", 0.5)
    noted = tmp_path / "noted"

    def interrupt() -> None:
        until(noted.exists, "the step runs")
        os.kill(os.getpid(), signal.SIGINT)

    ctrl_c = threading.Thread(target=interrupt)
    ctrl_c.start()
    # As the demo does: in the background of a shell SIGINT is ignored otherwise.
    with pytest.raises(KeyboardInterrupt), shutdown.interruptible():
        steps.run("step", ["-c", STUBBORN, str(noted)], Console(quiet=True))
    ctrl_c.join()
    assert not psutil.pid_exists(int(noted.read_text()))


@pytest.mark.usefixtures("state")
def test_what_crashes_while_the_history_is_sent_is_counted(
    monkeypatch: pytest.MonkeyPatch, page: Callable[..., Service]
) -> None:
    made = {name: page(name) for name in ("streams", "dash", "api", "simulator")}

    def crash(console: Console) -> None:
        victim = psutil.Process(supervision.processes()["streams"]["pid"])
        victim.kill()
        victim.wait(30)
        until(made["streams"].ready, "the streams are back")

    for name in made:
        monkeypatch.setattr(programs, name, lambda *rate, service=made[name]: service)
    for name, does in {"services": list, "wants_history": lambda: True}.items():
        monkeypatch.setattr(demo, name, does)
    monkeypatch.setattr(steps, "run", lambda name, arguments, console: None)
    for name in ("TRAINING", "INDEXING"):
        monkeypatch.setattr(demo, name, ("-c", ""))
    monkeypatch.setattr(demo, "_send_history", crash)
    restarts = Restarts()
    demo._start([*made.values()], 1, Console(quiet=True), restarts)
    assert "restarted: streams 1x" in live_line.trouble(supervision.processes(), restarts)


def trained(program: str) -> str:
    """Return what the demo prints of a training that is this program."""
    console = Console(record=True, width=500)
    with steps.running("training", ["-c", program]) as training:
        demo._finish(training, "fraud model", console)
    return console.export_text()


@pytest.mark.usefixtures("state")
def test_a_training_is_shown_where_one_was_needed() -> None:
    assert "  training   done after " in trained("print('model_registered')")
    assert trained("print('there is one')") == "", "what an earlier one has logged does not count"


@pytest.mark.usefixtures("state")
def test_a_training_that_fails_is_shown_and_does_not_end_the_demo() -> None:
    text = trained("raise SystemExit('[too] little history')")
    assert "no fraud model yet, the next make demo tries again: training failed with exit code 1" in text
    assert "[too] little history" in text


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("history", [True, False])
def test_whether_a_model_is_needed_is_looked_at_while_the_streams_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, history: bool
) -> None:
    noted = tmp_path / "noted"
    noted.touch()

    def up(services: list[Service], known: list[Service], report: lifecycle.Report) -> dict[str, float]:
        if "streams" in [service.name for service in services]:
            until(lambda: history or bool(noted.read_text()), "the training runs")
            noted.write_text(noted.read_text() + "streams\n")
        return {}

    monkeypatch.setattr(demo.lifecycle, "up", up)
    monkeypatch.setattr(steps, "run", lambda name, arguments, console: None)
    monkeypatch.setattr(demo, "_send_history", lambda console: None)
    monkeypatch.setattr(demo, "wants_history", lambda: history)
    note = "import sys; print(sys.argv[2], file=open(sys.argv[1], 'a'))"
    for name, step in {"TRAINING": "training", "INDEXING": "index"}.items():
        monkeypatch.setattr(demo, name, ("-c", note, str(noted), step))
    demo._start([], 1, Console(quiet=True), Restarts())
    made = noted.read_text().splitlines()
    assert sorted(made) == ["index", "streams", "training"]
    assert (made[0] == "streams") == history
