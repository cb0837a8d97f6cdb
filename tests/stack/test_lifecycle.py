"""Starting, watching and stopping real programs under the real supervisor."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import runs
from waiting import until

from pipelines.base.errors import ServiceUnreachable
from stack import folders, lifecycle, status, supervision
from stack.service import Service

pytestmark = pytest.mark.programs

Page = Callable[..., Service]
Heard = list[str]


def up(*services: Service, heard: Heard | None = None) -> None:
    """Bring these services up, and note the order in which they were ready."""
    lifecycle.up(list(services), list(services), lambda name, seconds: (heard if heard is not None else []).append(name))


def pid(service: Service) -> int:
    return int(supervision.processes()[service.name]["pid"])


@st.composite
def needs(draw: st.DrawFn) -> dict[str, set[str]]:
    """Draw what each of some names needs: only names before it, so that there is no circle."""
    names = [f"s{n}" for n in range(draw(st.integers(1, 7)))]
    return {name: draw(st.sets(st.sampled_from(names[:at]))) if at else set() for at, name in enumerate(names)}


@given(needs())
def test_each_acts_once_and_after_all_it_needs(graph: dict[str, set[str]]) -> None:
    done: list[str] = []
    lifecycle.in_order(graph, lambda name, abandoned: done.append(name))
    assert sorted(done) == sorted(graph)
    assert all(done.index(needed) < done.index(name) for name, wanted in graph.items() for needed in wanted)


def test_the_first_error_is_raised_and_tells_the_others_to_give_up() -> None:
    waited: list[bool] = []

    def act(name: str, abandoned: threading.Event) -> None:
        if name == "bad":
            raise ServiceUnreachable("bad")
        waited.append(abandoned.wait(30))

    with pytest.raises(ServiceUnreachable, match="bad"):
        lifecycle.in_order({"bad": set(), "slow": set(), "after": {"bad"}}, act)
    assert waited == [True]


@pytest.mark.usefixtures("state")
def test_what_is_up_answers_and_after_down_nothing_is_left(page: Page) -> None:
    service = page()
    up(service)
    (row,) = status.rows([service])
    family = [psutil.Process(pid(service)), psutil.Process(supervision.call("getPID"))]
    assert (row.state, row.pid) == ("running", pid(service))
    assert row.resident_mb is not None
    assert row.resident_mb > 1
    lifecycle.down([service], lambda name, seconds: None)
    assert not any(map(runs, family))
    assert status.rows([service])[0].state == "stopped"


@pytest.mark.usefixtures("state")
def test_down_ends_the_supervisor_also_when_nobody_can_be_told(page: Page) -> None:
    service = page()
    up(service)
    family = [psutil.Process(pid(service)), psutil.Process(supervision.call("getPID"))]

    def closed(name: str, seconds: float) -> None:
        raise OSError("a terminal that was closed")

    with pytest.raises(OSError, match="a terminal that was closed"):
        lifecycle.down([service], closed)
    assert not any(map(runs, family))


@pytest.mark.usefixtures("state")
def test_what_needs_another_starts_after_it_and_stops_before_it(page: Page) -> None:
    store, reader = page("store"), page("reader", needs=("store",))
    started: Heard = []
    stopped: Heard = []
    up(reader, store, heard=started)
    lifecycle.down([store, reader], lambda name, seconds: stopped.append(name))
    assert (started, stopped) == (["store", "reader"], ["reader", "store"])


@pytest.mark.usefixtures("state")
def test_a_killed_service_comes_back_by_itself(page: Page) -> None:
    service = page()
    up(service)
    killed = psutil.Process(pid(service))
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(30)
    up(service)
    assert pid(service) not in (0, killed.pid)
    assert status.rows([service])[0].state == "running"


@pytest.mark.usefixtures("state")
def test_up_leaves_alone_what_runs_already(page: Page) -> None:
    service = page(prepare=iter([None]).__next__)
    up(service)
    before = pid(service)
    up(service)
    assert pid(service) == before


@pytest.mark.usefixtures("state")
def test_a_changed_service_is_started_anew(page: Page, tmp_path: Path) -> None:
    up(page())
    changed = page()
    up(changed)
    assert changed.ready()
    assert str(changed.port) in psutil.Process(pid(changed)).cmdline()


@pytest.mark.usefixtures("state")
def test_a_service_that_ends_at_once_is_given_up_with_the_end_of_its_log(page: Page) -> None:
    hopeless = page("hopeless", command=[sys.executable, "-c", "raise SystemExit('no room for 100% of it')"])
    with pytest.raises(ServiceUnreachable, match=r"hopeless ends soon after each start(.|\n)*no room for 100% of it"):
        up(hopeless)


# Ends until there is a folder, and then serves in it; says how often it was tried.
WAITING = """
import pathlib, signal, sys
folder = pathlib.Path(sys.argv[1])
with folder.with_name("tries").open("a") as tries:
    tries.write("x")
(folder / "serving").touch()
signal.pause()
"""


@pytest.mark.usefixtures("state")
def test_what_needs_others_is_tried_until_they_are_back(page: Page, tmp_path: Path) -> None:
    program, folder, tries = tmp_path / "waiting.py", tmp_path / "needed", tmp_path / "tries"
    program.write_text(WAITING)
    serving = (folder / "serving").exists
    waiting = page("waiting", command=[sys.executable, str(program), str(folder)], needs=("x",), ready=serving)
    with pytest.raises(ServiceUnreachable, match="waiting ends soon after each start"):
        up(waiting)
    assert len(tries.read_text()) <= 1 + lifecycle.TRIES
    until(lambda: len(tries.read_text()) > 1 + supervision.TRIES_ALONE, "it was tried more often than what needs nothing")
    until(lambda: status.rows([waiting])[0].state == "restarting", "it is between two tries")
    folder.mkdir()
    until(serving, "it serves")


@pytest.mark.usefixtures("state")
def test_a_service_that_does_not_answer_in_time_is_named(page: Page) -> None:
    silent = page("silent", ready=lambda: False, start_within_s=0.5)
    with pytest.raises(ServiceUnreachable, match=r"silent runs but did not answer within 0 s(.|\n)*silent\.log"):
        up(silent)
    assert status.rows([silent])[0].state == "not answering"


@pytest.mark.usefixtures("state")
def test_a_taken_port_is_named_with_its_holder_and_its_setting(page: Page) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceUnreachable, match=rf"port {port} is in use by .*\(pid {os.getpid()}\).* set PAGE_PORT"):
            up(page(ports={"PAGE_PORT": port}))


def test_secrets_reach_the_process_but_no_file(page: Page, state: Path) -> None:
    code = "import os, sys; print('length', len(os.environ['TOKEN']), flush=True); sys.stdin.read()"
    service = page(command=[sys.executable, "-c", code], secrets={"TOKEN": "s3cret%s3cret"})
    log = folders.log(service.name)
    up(replace(service, ready=lambda: log.exists() and "length 13" in log.read_text()))
    written = [file for file in state.rglob("*") if file.is_file() and b"s3cret" in file.read_bytes()]
    assert written == []


def test_with_other_secrets_everything_is_started_anew(page: Page, state: Path) -> None:
    code = "import os, sys; print('length', len(os.environ['TOKEN']), flush=True); sys.stdin.read()"
    service, log = page(command=[sys.executable, "-c", code]), folders.log("page")
    for length in (5, 7):
        word = f"length {length}"
        up(replace(service, secrets={"TOKEN": "x" * length}, ready=lambda word=word: log.exists() and word in log.read_text()))
    before = pid(service)
    up(replace(service, secrets={"TOKEN": "x" * 7}, ready=lambda: True))
    assert pid(service) == before


@pytest.mark.usefixtures("state")
def test_the_seconds_of_each_start_are_kept(page: Page) -> None:
    up(page("one"))
    up(page("one"), page("two"))
    assert set(lifecycle.start_seconds()) == {"one", "two"}
    assert all(0 < seconds < 60 for seconds in lifecycle.start_seconds().values())


@pytest.mark.usefixtures("state")
def test_down_without_anything_running_says_nothing() -> None:
    heard: Heard = []
    lifecycle.down([], lambda name, seconds: heard.append(name))
    assert heard == []
