"""Measures what the whole demo takes of the cores, in which program and in which query, with a page
open.

A demo of its own at 200 events a second, or with `--running` the one of this checkout. In its
minutes 6 to 10, while a browser has the live page open: CPU time of every program (the browser is
not one of them), batches of every query by its checkpoint, and CPU time of every query: of the
thread that plans its batches (jcmd) and of its tasks (Spark's REST interface, by scheduler pool).
The rest of the driver, its compilers and collectors, is no query's.
"""

import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import psutil
import typer
from playwright.sync_api import sync_playwright

from benchmarks import receipt
from benchmarks.support.own_demo import is_live, own_demo, waited
from dashboards.screenshot import FLAGS, browser_path
from pipelines.base import java, logs
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.paths import ROOT, located
from pipelines.base.settings import settings
from pipelines.streaming.commits import ArrowCommits
from stack import programs, supervision

RATE = 200
LIVE_S, OPEN_S, MEASURE_S = 300.0, 60.0, 240.0  # live alone, then with the page, then measured
STAGES_EVERY_S = 12.0  # Spark remembers 200 stages, more than there are in so long
PLANNER = re.compile(r'^"stream execution thread for (\S+) .*?cpu=([\d.]+)ms', re.MULTILINE)

log = logs.get(__name__)


@dataclass(frozen=True)
class Look:
    """CPU-seconds of each program and of each query's planning, and the number of each query's last
    batch, at one moment.
    """

    at: float
    programs_s: Mapping[str, float]
    planning_s: Mapping[str, float]
    batches: Mapping[str, int]


def main(
    running: Annotated[bool, typer.Option("--running", help="Measure the demo of this checkout, now.")] = False,
    seconds: Annotated[float, typer.Option(min=10, help="How long to measure.")] = MEASURE_S,
) -> None:
    """Measure what the demo takes of the cores and write the receipt."""
    with nullcontext() if running else own_demo(RATE) as demo:
        if demo:
            waited(demo, time.monotonic(), is_live)
            time.sleep(LIVE_S)
        with _open_page(programs.page()):
            time.sleep(OPEN_S if demo else 0)
            before, tasks_s, after = _measured(seconds)
    receipt.write("demo_budget", {"rate": RATE, "measure_s": seconds, "page": "live"}, metrics(before, after, tasks_s))


def metrics(before: Look, after: Look, tasks_s: Mapping[str, float]) -> dict[str, float]:
    """Return cores of each program and of all, and batches and CPU-seconds a batch of each query
    and of all; `tasks_s` are the CPU-seconds of each query's tasks between the two looks.
    """
    elapsed = after.at - before.at
    cores = {name: (cpu_s - before.programs_s.get(name, 0.0)) / elapsed for name, cpu_s in after.programs_s.items()}
    batches = {query: number - before.batches.get(query, -1) for query, number in after.batches.items()}
    cpu_s = {
        query: after.planning_s.get(query, 0.0) - before.planning_s.get(query, 0.0) + tasks_s.get(query, 0.0)
        for query in batches
    }
    figures = {f"{name}_cores": value for name, value in cores.items()}
    for query, count in batches.items():
        name = query.replace(".", "_")
        figures[f"{name}_batches_per_min"] = count / elapsed * 60
        figures[f"{name}_cpu_s_per_batch"] = cpu_s[query] / count if count else 0.0
    return {
        "total_cores": sum(cores.values()),
        "batches_per_min": sum(batches.values()) / elapsed * 60,
        "cpu_s_per_batch": cores["streams"] * elapsed / max(1, sum(batches.values())),
        **figures,
    }


def _measured(seconds: float) -> tuple[Look, Mapping[str, float], Look]:
    """Return looks at the beginning and at the end, and the CPU-seconds of each query's tasks in
    between.
    """
    stages: dict[tuple[int, int], tuple[str, float]] = {}
    known = set(_stages())
    before = _look()
    while (left := before.at + seconds - time.monotonic()) > 0:
        time.sleep(min(STAGES_EVERY_S, left))
        stages |= _stages()
    tasks_s: dict[str, float] = defaultdict(float)
    for stage in stages.keys() - known:
        pool, cpu_s = stages[stage]
        tasks_s[pool] += cpu_s
    return before, tasks_s, _look()


def _look() -> Look:
    return Look(time.monotonic(), _programs_s(), _planning_s(), _batches())


def _programs_s() -> dict[str, float]:
    """Return the CPU-seconds of every supervised program with all its children, and of what starts
    and shows them.
    """
    if not supervision.alive():
        raise ServiceUnreachable("No demo runs in this checkout: run `make demo` in another terminal first.")
    pids = {name: process["pid"] for name, process in supervision.processes().items() if process["pid"]}
    trees = {name: [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)] for name, pid in pids.items()}
    above = {"supervisor": [psutil.Process(supervision.call("getPID"))], "live_line": _demos()}
    return {name: sum(map(_cpu_s, tree)) for name, tree in {**trees, **above}.items()}


def _demos() -> list[psutil.Process]:
    """Return the processes of this checkout that show what flows."""
    found = (process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"])
    return [each for each in found if each.info["cmdline"][1:4] == ["-m", "stack", "demo"] and each.cwd() == str(ROOT)]


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:  # it has ended meanwhile
        return 0.0
    return float(times.user + times.system)


def _planning_s() -> dict[str, float]:
    """Return the CPU-seconds of the thread that plans each query's batches."""
    driver = psutil.Process(supervision.processes()["streams"]["pid"])
    (jvm,) = (child for child in [driver, *driver.children(recursive=True)] if child.name() == "java")
    jcmd = java.jdk17().with_name("jcmd")
    threads = subprocess.run([jcmd, str(jvm.pid), "Thread.print"], capture_output=True, text=True, check=True).stdout
    return {query: float(ms) / 1000 for query, ms in PLANNER.findall(threads)}


def _batches() -> dict[str, int]:
    """Return the number of each query's last committed batch, -1 before its first."""
    queries = [folder.name for folder in Path(located(settings().checkpoints.path)).iterdir()]
    return {query: (ArrowCommits(query).last_batch() or ("", -1))[1] for query in queries}


def _stages() -> dict[tuple[int, int], tuple[str, float]]:
    """Return the pool and the CPU-seconds of the stages that Spark remembers, by id and attempt."""
    applications = f"{programs.spark_ui()}/api/v1/applications"
    (application,) = _answer(applications)
    stages = _answer(f"{applications}/{application['id']}/stages?status=complete&withSummaries=false")
    return {
        (stage["stageId"], stage["attemptId"]): (str(stage["schedulingPool"]), stage["executorCpuTime"] / 1e9)
        for stage in stages
    }


def _answer(url: str) -> list[dict[str, Any]]:
    found = httpx.get(url, timeout=60).raise_for_status()
    return list(found.json())


@contextmanager
def _open_page(url: str) -> Iterator[None]:
    """Have a page open in a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        try:
            browser.new_page().goto(url)
            yield
        finally:
            browser.close()


if __name__ == "__main__":
    typer.run(main)
