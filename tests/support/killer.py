"""Kills what a stack runs, one after the other, chosen by a seed."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random

import psutil

from stack import supervision

SERVICES = ("kafka", "postgres", "valkey", "registry")


def process(name: str) -> psutil.Process:
    """The process of a program that the supervisor runs."""
    return psutil.Process(supervision.processes()[name]["pid"])


def kill_whole(name: str) -> None:
    """Kill a program with all that it has started."""
    main = process(name)
    _end(main, *main.children(recursive=True))


def kill_alone(name: str) -> None:
    """Kill a program's own process, and nothing that it has started."""
    _end(process(name))


def kill_java() -> None:
    """Kill the Java process of the streams."""
    _end(*(child for child in process("streams").children(recursive=True) if child.name() == "java"))


def kill_workers() -> None:
    """Kill the Python workers of the streams, with the daemon that starts them."""
    (java,) = (child for child in process("streams").children(recursive=True) if child.name() == "java")
    _end(*java.children(recursive=True))


def stop_for_a_moment(name: str) -> None:
    """Stop a program, as a machine that is suspended does; `until` its signal it stands still."""
    main = process(name)
    main.suspend()
    try:
        main.wait(2.0)
    except psutil.TimeoutExpired:
        main.resume()


VICTIMS: dict[str, Callable[[], None]] = {
    "the driver with its Java": lambda: kill_whole("streams"),
    "the driver alone": lambda: kill_alone("streams"),
    "the driver's Java": kill_java,
    "the Python workers": kill_workers,
    **{f"{name}": lambda name=name: kill_whole(name) for name in SERVICES},  # type: ignore[misc]
    "kafka for two seconds": lambda: stop_for_a_moment("kafka"),
    "valkey for two seconds": lambda: stop_for_a_moment("valkey"),
}


def chosen(seed: int, count: int) -> Iterator[str]:
    """The victims of a run: each once before any comes again, in an order that the seed gives."""
    chance, left = Random(seed), list[str]()  # noqa: S311 - no secret
    for _ in range(count):
        left = left or chance.sample(sorted(VICTIMS), len(VICTIMS))
        yield left.pop()


def _end(*processes: psutil.Process) -> None:
    for each in processes:
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            os.kill(each.pid, signal.SIGKILL)
