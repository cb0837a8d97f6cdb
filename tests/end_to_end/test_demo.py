"""`make demo` as a user meets it: live numbers, a clean end, and going on where it stopped."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import httpx
import psutil
import pytest
from api_payments import PATH, a_body
from processes import runs
from waiting import until

from pipelines.base.paths import ROOT

LIVE = re.compile(r"([\d,]+) events/s · newest order in gold: (\S+), ([\d.]+) s old")
RATE = 200

pytestmark = pytest.mark.end_to_end
Demo = subprocess.Popen[str]


@pytest.fixture
def environment(tmp_path: Path, environment_for: Callable[[Path], dict[str, str]]) -> dict[str, str]:
    """Return the environment of a demo with its own state and ports."""
    return {**os.environ, "RATE": str(RATE), **environment_for(tmp_path / "state")}


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[Callable[[], Demo]]:
    """Return what starts a demo as a child process; what a failed test leaves is ended as Ctrl-C
    does.
    """
    started: list[Demo] = []

    def start() -> Demo:
        command = [sys.executable, "-m", "stack", "demo"]
        started.append(
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return started[-1]

    yield start
    for child in started:
        with child:
            child.send_signal(signal.SIGINT) if child.poll() is None else None


def lines_until_live(child: Demo) -> list[str]:
    """Return what a demo says up to its first line with a flow of events and an order younger than
    a minute.
    """
    lines: list[str] = []
    for line in child.stdout or ():
        lines.append(line)
        live = LIVE.search(line)
        if live and int(live[1].replace(",", "")) > 0 and float(live[3]) < 60:
            return lines
    raise AssertionError("the demo ended: " + "".join(lines))


def supervised(state: Path) -> list[psutil.Process]:
    """Return the supervisor of this state folder and all that it runs."""
    supervisor = psutil.Process(int((state / "run" / "supervisord.pid").read_text()))
    return [supervisor, *supervisor.children(recursive=True)]


def words(process: psutil.Process) -> list[str]:
    """Return the command line of a process; PostgreSQL's helpers come and go, and one that has gone
    says nothing.
    """
    with suppress(psutil.NoSuchProcess):  # a zombie too
        return process.cmdline()
    return []


def listening(process: psutil.Process) -> set[str]:
    """Return the addresses on which a process listens."""
    with suppress(psutil.NoSuchProcess):
        return {
            each.laddr.ip.removeprefix("::ffff:")
            for each in process.net_connections(kind="tcp")
            if each.status == psutil.CONN_LISTEN
        }
    return set()


def scored(environment: dict[str, str]) -> httpx.Response:
    """Ask the demo's API, once it has a model, for a score."""
    url = f"http://127.0.0.1:{environment['TIDEMARK_API__PORT']}"
    with httpx.Client(base_url=url, headers={"X-API-Key": environment["TIDEMARK_API__KEYS"]}, timeout=60) as client:
        until(lambda: client.get("/ready").is_success, "the published model serves")
        return client.post(PATH, json=a_body())


def stopped(child: Demo, number: signal.Signals) -> str:
    """Send a signal, and return what the demo says until its end, which must be a clean one."""
    child.send_signal(number)
    rest, _ = child.communicate(timeout=300)
    assert child.returncode == 0, rest
    return rest


def test_it_shows_live_numbers_ends_cleanly_and_goes_on(
    demo: Callable[[], Demo], environment: dict[str, str], tmp_path: Path
) -> None:
    first = demo()
    lines = "".join(lines_until_live(first))
    assert "history    done" in lines
    assert "training   done" in lines
    assert "index      done" in lines
    assert "make sql" in lines
    assert scored(environment).is_success
    family = supervised(tmp_path / "state")
    assert len([each for each in family if words(each)]) > 10
    assert [word for each in family for word in words(each) if "only-for-tests" in word] == []
    addresses = set().union(*map(listening, family))
    assert "127.0.0.1" in addresses
    assert [address for address in addresses if not ip_address(address).is_loopback] == []
    assert "streams    stopped" in stopped(first, signal.SIGTERM)
    assert list(filter(runs, family)) == []

    second = demo()
    lines = "".join(lines_until_live(second))
    assert "history" not in lines
    assert "training" not in lines
    assert "index" not in lines
    stopped(second, signal.SIGINT)
