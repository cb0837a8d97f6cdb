"""A real Spark cluster for a test: a standalone master and one worker of one core, from pyspark's
own jars, on loopback.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
from processes import running
from waiting import until

from stack.ports import some_free

DEPLOY = "org.apache.spark.deploy"
BIN = Path(sys.executable).parent
# The master's REST door is not needed, and would take a fixed port.
OWN = {
    "SPARK_LOCAL_IP": "127.0.0.1",
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
}


def started(log: Path, command: str, *arguments: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run one of pyspark's commands in the background, and kill what is left of it at the end."""
    return running(log, *arguments, program=str(BIN / command), **OWN)


@contextmanager
def a_spark_cluster(folder: Path) -> Iterator[str]:
    """Run a master and its worker, whose executors work below `folder`, and yield the master's
    address.
    """
    port, page, worker_page = some_free(3)
    here = ("--host", "127.0.0.1")
    url = f"spark://127.0.0.1:{port}"
    master = (f"{DEPLOY}.master.Master", *here, "--port", str(port), "--webui-port", str(page))
    worker = (f"{DEPLOY}.worker.Worker", *here, "--webui-port", str(worker_page), "--work-dir", str(folder / "work"))
    with (
        started(folder / "master.log", "spark-class", *master),
        started(folder / "worker.log", "spark-class", *worker, "--cores", "1", "--memory", "1g", url),
    ):
        until(lambda: _workers(page) == 1, "the worker has joined the cluster", within_s=60)
        yield url


def _workers(page: int) -> int:
    """Return how many workers the master knows, none while it does not answer."""
    try:
        return int(httpx.get(f"http://127.0.0.1:{page}/json/", timeout=5).json()["aliveworkers"])
    except httpx.TransportError:
        return 0
