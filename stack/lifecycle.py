"""Brings services up in the order of their needs, as many at once as that allows, and takes them
down in reverse.
"""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from threading import Event

from pipelines.base.errors import ServiceUnreachable
from stack import folders, ports, status, supervision
from stack.service import Service

Report = Callable[[str, float], None]  # of a name and the seconds it took
TRIES = 3  # processes of one service that may end before its start is given up


def in_order(needs: Mapping[str, set[str]], act: Callable[[str, Event], None]) -> None:
    """Call `act` on every name, on each as soon as all it needs are done.

    The first error, or a Ctrl-C, sets the event that every `act` gets, so that those under way can
    give up.
    """
    order = TopologicalSorter(needs)
    order.prepare()
    abandoned = Event()
    with ThreadPoolExecutor(max_workers=max(len(needs), 1)) as pool:
        try:
            _work_off(order, lambda name: pool.submit(act, name, abandoned))
        except BaseException:
            abandoned.set()
            raise


def _work_off(order: TopologicalSorter[str], submit: Callable[[str], Future[None]]) -> None:
    running: dict[Future[None], str] = {}
    while order.is_active():
        running |= {submit(name): name for name in order.get_ready()}
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
            order.done(running.pop(future))


def up(services: list[Service], known: list[Service], report: Report) -> dict[str, float]:
    """Start `services` (of all that are `known` to the supervisor) and return the seconds each took
    until it answered.

    `report` is called for each as soon as it is ready. What runs with other secrets than those of
    the settings is stopped first. Raises ServiceUnreachable for a port in use, a service that gives
    up or one that does not answer in time, quoting the end of its log.
    """
    if supervision.has_other_secrets(known):
        down(known, lambda name, seconds: None)
    supervision.launch(known, {service.name for service in services})
    by_name = {service.name: service for service in services}
    seconds: dict[str, float] = {}

    def begin(name: str, abandoned: Event) -> None:
        seconds[name] = _start(by_name[name], abandoned)
        report(name, seconds[name])

    in_order({name: set(service.needs) & by_name.keys() for name, service in by_name.items()}, begin)
    _save_seconds(seconds)
    return seconds


def down(services: list[Service], report: Report) -> None:
    """Stop everything that runs, what needs others first, and at last, whatever came between, the
    supervisor.
    """
    if not supervision.alive():
        return
    running = supervision.processes().keys()
    needed_by = {s.name: {o.name for o in services if s.name in o.needs} & running for s in services if s.name in running}

    def end(name: str, abandoned: Event) -> None:
        began = time.monotonic()
        supervision.stop(name)
        report(name, time.monotonic() - began)

    try:
        in_order(needed_by, end)
    finally:
        supervision.shut_down()


def _start(service: Service, abandoned: Event) -> float:
    began = time.monotonic()
    if supervision.processes()[service.name]["pid"] == 0:
        _refuse_taken_ports(service)
        service.prepare()
        supervision.start(service.name)
    _wait_until_ready(service, abandoned)
    service.finish()
    return time.monotonic() - began


def _refuse_taken_ports(service: Service) -> None:
    for setting, port in service.ports.items():
        if not ports.free(port):
            taken = f"port {port} is in use by {status.port_holder(port)}"
            raise ServiceUnreachable(f"Cannot start {service.name}: {taken}; stop that, or set {setting} to another port.")


def _wait_until_ready(service: Service, abandoned: Event) -> None:
    deadline = time.monotonic() + service.start_within_s
    pids: set[int] = set()
    while not service.ready():
        now = supervision.processes()[service.name]
        pids |= {now["pid"]} - {0}  # 0: between two tries
        if now["statename"] == "FATAL" or len(pids) > TRIES:
            raise ServiceUnreachable(f"{service.name} ends soon after each start; its log ends: {log_end(service.name)}")
        if time.monotonic() > deadline:
            waited = f"{service.name} runs but did not answer within {service.start_within_s:.0f} s"
            raise ServiceUnreachable(f"{waited}; its log ends: {log_end(service.name)}")
        if abandoned.wait(0.2):
            raise ServiceUnreachable(f"The start of {service.name} was given up.")


def log_end(name: str, lines: int = 8) -> str:
    """Return the last lines of a log and where all of it is."""
    file = folders.log(name)
    end = file.read_text(errors="replace").splitlines()[-lines:] if file.exists() else []
    return "\n".join(["", *end, f"(all of it: {file})"])


def _save_seconds(seconds: dict[str, float]) -> None:
    """Save the measured start times beside earlier ones, for `status` and the benchmark of the
    start.
    """
    file = folders.run() / "starts.json"
    file.write_text(json.dumps({**start_seconds(), **seconds}, indent=1))


def start_seconds() -> dict[str, float]:
    """Return how long each service's last start took until it answered."""
    file = folders.run() / "starts.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}
