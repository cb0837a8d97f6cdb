"""A job whose Java process has gone ends by itself and at once, with one sentence, or in silence
where it was to stop.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from processes import running, runs
from py4j.protocol import Py4JNetworkError
from pyspark.sql import SparkSession
from waiting import until

from pipelines.base.errors import EngineLost, ModelError
from pipelines.base.exits import FAILED
from pipelines.base.paths import ROOT
from pipelines.streaming import jvm

pytestmark = pytest.mark.spark

SOON_S = 15.0
# A job like jobs/streams/run_all.py that needs no services: two queries, one of which never comes
# to start, and what lives beside them.
PROGRAM = """
import sys
import threading
from pathlib import Path
from lake_session import lake_session
from pipelines.base import shutdown
from pipelines.operations import upkeep
from pipelines.streaming import job
from pipelines.streaming.companions import Companion
from pipelines.streaming.schema_watch import SchemaWatch
from pipelines.streaming.supervised_query import Query

folder = Path(sys.argv[1])
job.spark_session = lambda name: lake_session(folder / "lake")
job.SchemaWatch = lambda: SchemaWatch(every_s=3600.0)  # as of a registry in which nothing changes


def one(spark):
    rows = spark.readStream.format("rate").load()
    return rows.writeStream.format("noop").option("checkpointLocation", str(folder / "one")).queryName("one").start()


def waits_for_its_model(spark):
    shutdown.requested.wait()
    return one(spark)


def publish(spark):
    (folder / "published").write_text(str(spark.range(1).count()))


queries = [Query("one", one), Query("waits for its model", waits_for_its_model)]
companions = [upkeep.companion(), Companion("publishing", 0.5, {"publish": publish})]
job.run_queries("doomed", lambda: queries, lambda: companions)
"""
OFTEN = {"TIDEMARK_UPKEEP__LOOK_EVERY_S": "0.5", "PYTHONPATH": str(ROOT / "tests" / "support")}
LOST = [("job_failed", "error", jvm.ENDED)]


class Job:
    """The job as a process, its driver and its log."""

    def __init__(self, started: "subprocess.Popen[bytes]", log: Path) -> None:
        self.started, self.log = started, log

    def lines(self) -> list[tuple[str, str, str | None]]:
        """Return event, level and error of every line of its own log."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [(line["event"], line["level"], line.get("error")) for line in lines]

    def process(self, name: str) -> psutil.Process:
        """Return the one process of the job that has this name: its driver or its Java."""
        top = psutil.Process(self.started.pid)
        (found,) = (each for each in [top, *top.children()] if each.name().startswith(name))
        return found


@contextmanager
def a_job(folder: Path, *, program: str = sys.executable) -> Iterator[Job]:
    """Run the job below a folder, and yield it once its query and all that is beside it work."""
    script, log = folder / "doomed.py", folder / "job.log"
    script.write_text(PROGRAM)
    with running(log, str(script), str(folder), program=program, **OFTEN) as started:
        job = Job(started, log)
        until(lambda: any(event == "query_started" for event, *_ in job.lines()), "the query runs", started)
        until((folder / "published").exists, "a companion works", started)
        until(lambda: any((folder / "lake").rglob("*.metadata.json")), "upkeep has made a table", started)
        yield job


def test_a_job_whose_java_is_killed_ends_with_one_sentence(tmp_path: Path) -> None:
    with a_job(tmp_path) as job:
        before = len(job.lines())
        job.process("java").kill()
        until(lambda: job.started.poll() is not None, "the job ends by itself", within_s=SOON_S)
        assert job.lines()[before:] == LOST
    assert job.started.returncode == FAILED
    assert "Traceback" not in job.log.read_text()


def test_a_driver_that_spark_submit_has_started_ends_with_its_java(tmp_path: Path) -> None:
    """Nobody reads what it says then: its output went through the Java process that has gone."""
    with a_job(tmp_path, program=str(Path(sys.executable).parent / "spark-submit")) as job:
        driver = job.process("python")
        job.process("java").terminate()
        until(lambda: not runs(driver), "the driver ends by itself", within_s=SOON_S)


def test_a_job_that_is_to_stop_and_whose_java_is_gone_has_stopped(tmp_path: Path) -> None:
    with a_job(tmp_path) as job:
        before, java = len(job.lines()), job.process("java")
        os.kill(job.started.pid, signal.SIGTERM)
        java.kill()
        until(lambda: job.started.poll() is not None, "the job ends by itself", within_s=SOON_S)
        assert job.lines()[before:] == []
    assert job.started.returncode == 0
    assert "Traceback" not in job.log.read_text()


def test_an_engine_that_is_there_is_not_lost(spark: SparkSession) -> None:
    assert not jvm.lost(spark)


@pytest.mark.parametrize("error", [Py4JNetworkError("Answer from Java side is empty"), ConnectionRefusedError(111, "refused")])
def test_an_error_is_that_of_the_engine_only_where_it_is_gone(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> None:
        raise error

    assert raised(spark, fail) is error
    monkeypatch.setattr(jvm, "lost", lambda spark: True)
    assert isinstance(raised(spark, fail), EngineLost)


def test_what_users_can_mend_is_told_as_it_is(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ModelError("there is no champion")

    monkeypatch.setattr(jvm, "lost", lambda spark: True)
    assert isinstance(raised(spark, fail), ModelError)


def raised(spark: SparkSession, work: Callable[[], None]) -> Exception:
    with pytest.raises(Exception) as caught, jvm.needed(spark):  # noqa: PT011
        work()
    return caught.value


def test_a_sentence_is_an_error_s_first_line() -> None:
    assert jvm.sentence(ValueError("one\ntwo")) == "one"
    assert jvm.sentence(ValueError()) == "ValueError()"
