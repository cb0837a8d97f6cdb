"""Supervisord, which starts, restarts and stops everything, and the way to talk to it."""

import os
import resource
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import Faults, SupervisorTransport

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.paths import ROOT
from stack import folders
from stack.service import Service

HEAD = """\
[supervisord]
logfile={log}
pidfile={pid}
directory={root}
childlogdir={logs}
minfds={files}
umask=077
{user}
[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

# startsecs: a program that ends sooner counts as failed, and is tried again startretries times,
# after 1 s, 2 s, 3 s and so on, before it is given up (FATAL). One that ends later is started again
# however often, as it may have been killed; the demo's live line counts that (Restarts).
PROGRAM = """
[program:{name}]
command={command}
environment={environment}
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
redirect_stderr=true
autostart=false
autorestart=true
startsecs=10
startretries={tries}
stopsignal={signal}
stopwaitsecs={stop_within_s}
killasgroup=true
"""
OPEN_FILES = 8192  # what Trino asks for
# What needs nothing and cannot start has a fault of its own; what needs others may be waiting for
# them, however long.
TRIES_ALONE, TRIES_WITH_NEEDS = 3, 10_000


def call(method: str, *arguments: object) -> Any:
    """Call one method of the supervisor's interface, over a connection of its own, and return the
    answer.
    """
    transport = SupervisorTransport(serverurl=f"unix://{folders.socket()}")
    with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
        return getattr(proxy.supervisor, method)(*arguments)


def alive() -> bool:
    """Return whether the supervisor answers."""
    try:
        return bool(call("getPID"))
    except OSError:
        return False


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _program(service: Service) -> str:
    environment = ",".join(f'{name}="{_escaped(value)}"' for name, value in service.environment.items())
    return PROGRAM.format(
        name=service.name,
        command=_escaped(shlex.join(service.command)),
        environment=environment,
        log=_escaped(str(folders.log(service.name))),
        tries=TRIES_WITH_NEEDS if service.needs else TRIES_ALONE,
        signal=service.stop_signal,
        stop_within_s=service.stop_within_s,
    )


def _head() -> str:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    paths = {"log": folders.log("supervisord"), "pid": folders.run() / "supervisord.pid", "logs": folders.log("x").parent}
    return HEAD.format(
        **{name: _escaped(str(path)) for name, path in paths.items()},
        root=_escaped(str(ROOT)),
        socket=_escaped(str(folders.socket())),
        files=OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard),
        user="user=root\n" if os.geteuid() == 0 else "",
    )


def configure(services: Iterable[Service]) -> Path:
    """Write the supervisor's configuration for these services and return the file; it holds no
    secrets.
    """
    file = folders.run() / "supervisord.conf"
    file.write_text(_head() + "".join(map(_program, services)))
    return file


def launch(known: list[Service], wanted: set[str]) -> None:
    """Start the supervisor as a daemon, or let the one that runs take over what has changed about
    the wanted ones.
    """
    file = configure(known)
    if alive():
        _reload(wanted)
        return
    secrets = _secrets(known)
    command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(file)]
    done = subprocess.run(command, env={**os.environ, **secrets}, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not _within(10, alive):
        raise ServiceUnreachable(
            f"The supervisor did not start: {(done.stderr or done.stdout).strip()} See {folders.log('supervisord')}."
        )


def has_other_secrets(known: Iterable[Service]) -> bool:
    """Return whether a supervisor runs that was started with other secrets than these services
    have now, which it would hand on to whatever it starts.
    """
    if not alive():
        return False
    given = psutil.Process(call("getPID")).environ()
    return any(given.get(name) != value for name, value in _secrets(known).items())


def _secrets(known: Iterable[Service]) -> dict[str, str]:
    return {name: value for service in known for name, value in service.secrets.items()}


def _reload(wanted: set[str]) -> None:
    """Let the running supervisor take over a changed configuration; a wanted program that changed
    is stopped first.
    """
    added, changed, _ = call("reloadConfig")[0]
    for name in wanted & set(changed):
        stop(name)
        call("removeProcessGroup", name)
    for name in {*added, *(wanted & set(changed))}:
        call("addProcessGroup", name)


def _within(seconds: float, answered: Any) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answered():
            return True
        time.sleep(0.1)
    return False


def start(name: str) -> None:
    """Start one program unless it runs already."""
    _unless(Faults.ALREADY_STARTED, "startProcess", name, False)


def stop(name: str) -> None:
    """Stop one program, wait until it is gone; fine if it does not run."""
    _unless(Faults.NOT_RUNNING, "stopProcess", name)


def _unless(fault: int, method: str, *arguments: object) -> None:
    try:
        call(method, *arguments)
    except Fault as error:
        if error.faultCode != fault:
            raise ServiceUnreachable(
                f"The supervisor refused: {error.faultString}. See {folders.log('supervisord')}."
            ) from error


def processes() -> Mapping[str, dict[str, Any]]:
    """Return what the supervisor knows of each program (statename, pid, start, now) by name;
    nothing if it does not run.
    """
    return {process["name"]: process for process in call("getAllProcessInfo")} if alive() else {}


class Restarts:
    """Counts how often each program was started again, from look to look: the supervisor itself
    keeps no count.
    """

    def __init__(self) -> None:
        self._started: dict[str, int] = {}
        self._counts: Counter[str] = Counter()

    def counted(self, processes: Mapping[str, dict[str, Any]]) -> Mapping[str, int]:
        """Return the counts after one more look at `processes`."""
        for name, process in processes.items():
            if process["start"] > self._started.setdefault(name, process["start"]):
                self._counts[name] += self._started[name] > 0  # 0: it had not run before
                self._started[name] = process["start"]
        return +self._counts


def shut_down() -> None:
    """End the supervisor itself, and wait until it and every program below it are gone."""
    supervisor = psutil.Process(call("getPID"))
    family = [supervisor, *supervisor.children(recursive=True)]
    call("shutdown")
    _, left = psutil.wait_procs(family, timeout=60)
    if left:
        raise ServiceUnreachable(
            f"Still running after a shutdown: {', '.join(f'{p.name()} (pid {p.pid})' for p in left)}; end them by hand."
        )
