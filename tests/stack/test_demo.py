"""What the demo decides, what its live line says of programs, and that it leaves nothing running
however it is ended.
"""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from processes import runs
from rich.console import Console
from waiting import until

from pipelines.base.errors import ServiceUnreachable, TidemarkError
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from pipelines.fraud.features.feature_set import FEATURE_SET
from stack import demo, flow, programs, supervision
from stack.service import Service
from stack.supervision import Restarts

Answering = Callable[[int, str], None]
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
import fcntl, sys, termios, threading
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
        threading.Event().wait(0.2)
demo._watch = watch
demo.run(1, Console())
"""
TWICE = "from rich.console import Console; from stack import demo; c = Console(); demo._say(c, 'a'); demo._say(c, 'b')"


def told(state: str = "RUNNING", start: int = 100) -> dict[str, Any]:
    """What the supervisor tells of a program."""
    return {"statename": state, "start": start}


@pytest.mark.usefixtures("state")
def test_a_kafka_that_does_not_answer_is_not_taken_for_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "KAFKA_WITHIN_S", 0.2)
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
        supervisor = psutil.Process(supervision.asked("getPID"))
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


def test_signals_mean_what_they_meant_before_also_after_an_error() -> None:
    before = [signal.getsignal(number) for number in demo.ENDS]
    with pytest.raises(TidemarkError), demo._interruptible():
        raise TidemarkError("no")
    assert [signal.getsignal(number) for number in demo.ENDS] == before


@pytest.mark.usefixtures("state")
def test_a_step_that_does_not_stop_when_interrupted_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "STOP_WITHIN_S", 0.5)
    noted = tmp_path / "noted"

    def interrupt() -> None:
        until(noted.exists, "the step runs")
        os.kill(os.getpid(), signal.SIGINT)

    ctrl_c = threading.Thread(target=interrupt)
    ctrl_c.start()
    with pytest.raises(KeyboardInterrupt):
        demo._ended("step", [sys.executable, "-c", STUBBORN, str(noted)])
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
    for name, does in {"services": list, "wants_history": lambda: True, "has_champion": lambda: True}.items():
        monkeypatch.setattr(demo, name, does)
    monkeypatch.setattr(demo, "_step", lambda name, arguments, console: None)
    monkeypatch.setattr(demo, "_send_history", crash)
    restarts = Restarts()
    demo._start([*made.values()], 1, Console(quiet=True), restarts)
    assert "restarted: streams 1x" in demo.trouble(supervision.processes(), restarts)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """Return what makes a web server in MLflow's place give one answer."""
    answer: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer[0])
            self.end_headers()
            self.wfile.write(answer[1].encode())

        def log_message(self, format: str, *told: object) -> None:
            """Stay silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("TIDEMARK_MLFLOW__URL", f"http://127.0.0.1:{server.server_port}")
        settings.cache_clear()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield lambda status, body: answer.extend((status, body))
        server.shutdown()
        thread.join()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("status", "body"), [(500, '{"error_code": "INTERNAL_ERROR"}'), (503, "try later"), (404, "<html>no such page</html>")]
)
def test_an_mlflow_in_trouble_is_not_taken_for_one_without_a_champion(answering: Answering, status: int, body: str) -> None:
    answering(status, body)
    with pytest.raises(
        ServiceUnreachable, match=rf"MLflow at \S+ answered {status} when asked for the champion of .*make status"
    ):
        demo.has_champion()


@pytest.mark.parametrize(("feature_set", "serves"), [(FEATURE_SET, True), ("cards/0", False), (None, False)])
def test_a_champion_of_other_features_is_none(answering: Answering, feature_set: str | None, serves: bool) -> None:
    tags = [{"key": "sha256", "value": "0"}] + ([{"key": "feature_set", "value": feature_set}] if feature_set else [])
    answering(200, json.dumps({"model_version": {"name": "fraud", "version": "3", "tags": tags}}))
    assert demo.has_champion() is serves


def test_an_mlflow_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_MLFLOW__URL", "http://127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(ServiceUnreachable, match=r"MLflow does not answer at http://127\.0\.0\.1:1 \(.*\): look at its log"):
        demo.has_champion()
    monkeypatch.undo()
    settings.cache_clear()


def test_the_live_line_names_what_is_down_and_counts_what_came_back() -> None:
    restarts = Restarts()
    assert demo.trouble({"streams": told(), "simulator": told("STOPPED", start=0)}, restarts) == ""
    assert "crashed: streams" in demo.trouble({"streams": told("EXITED")}, restarts)
    back = demo.trouble({"streams": told(start=160), "simulator": told(start=150)}, restarts)
    assert "restarted: streams 1x" in back
    assert "crashed" not in back
    assert "simulator" not in back
    assert "restarted: streams 2x" in demo.trouble({"streams": told(start=200)}, restarts)
