"""The programs of the demo, supervised like the services: the streams, the simulated shop, the
page, the scoring API.
"""

import sys

import httpx

from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack.service import Service

# Twenty small queries plan more than they compute: a parallel collector leaves no threads working
# beside them, and all that is ever compiled stays compiled. Java's compilers come before the
# queries: as two threads of equal rank on full cores they got so little that thousands of methods
# waited for them and ran interpreted. Measured on 2 cores: docs/decisions/11.
COMPILERS_FIRST = "-XX:CICompilerCount=6 -XX:ThreadPriorityPolicy=1 -XX:JavaPriority5_To_OSPriority=4"
# Without room for classes given at once, all threads waited for most of twenty collections of
# everything in the first minutes, by which that room grew: docs/decisions/40.
CLASSES = "-XX:MetaspaceSize=384m"
LEAN_JAVA = f"-XX:ReservedCodeCacheSize=256m -XX:+UseParallelGC {CLASSES} {COMPILERS_FIRST}"


def spark_environment() -> dict[str, str]:
    """Return what every Spark process of ours needs in its environment."""
    return {"SPARK_CONF_DIR": str(ROOT), "PYSPARK_PYTHON": sys.executable, "TZ": "UTC"}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, follow_redirects=True).is_success
    except httpx.TransportError:
        return False


def spark_ui() -> str:
    """Return where Spark shows its queries."""
    return f"http://127.0.0.1:{settings().spark.ui_port}"


def page() -> str:
    """Return where the page is."""
    return f"http://{settings().dash.host}:{settings().dash.port}"


def streams() -> Service:
    """Return every streaming query in one driver, started by Python so that a SIGTERM reaches it
    before its Java.
    """
    return Service(
        name="streams",
        command=[sys.executable, "jobs/streams/run_all.py"],
        ready=lambda: _answers(spark_ui()),
        ports={
            "TIDEMARK_SPARK__UI_PORT": settings().spark.ui_port,
            "TIDEMARK_SPARK__STATUS_PORT": settings().spark.status_port,
        },
        needs=("kafka", "registry", "postgres", "valkey", "mlflow"),
        environment={**spark_environment(), "JDK_JAVA_OPTIONS": LEAN_JAVA},
        stop_within_s=60,
    )


def simulator(rate: int) -> Service:
    """Return the shop at `rate` events per second."""
    return Service(
        name="simulator",
        command=[sys.executable, "-m", "simulator", "--rate", str(rate), "--steady"],
        ready=lambda: True,
        needs=("kafka", "registry"),
    )


def dash() -> Service:
    """Return the page, which imports nothing of ours and so gets its settings through the
    environment.
    """
    trino, own = settings().trino, settings().dash
    passed_on = {
        "TRINO__HOST": trino.host,
        "TRINO__PORT": trino.port,
        "TRINO__USER": trino.user,
        "CATALOG__NAME": settings().catalog.name,
        "SPARK__STATUS_HOST": settings().spark.status_host,
        "SPARK__STATUS_PORT": settings().spark.status_port,
        "DASH__HOST": own.host,
        "DASH__PORT": own.port,
        "FRAUD__LABEL_DELAY_DAYS": settings().fraud.label_delay_days,
    }
    return Service(
        name="dash",
        command=[sys.executable, "-m", "dashboards.app"],
        ready=lambda: _answers(page()),
        ports={"TIDEMARK_DASH__PORT": own.port},
        needs=("trino",),
        environment={f"TIDEMARK_{name}": str(value) for name, value in passed_on.items()},
    )


def api_url() -> str:
    """Return where payments can be scored."""
    return f"http://{settings().api.host}:{settings().api.port}"


def api() -> Service:
    """Return the scoring API, which lives also before there is a model, and while the store is
    down.
    """
    return Service(
        name="api",
        command=[sys.executable, "-m", "api"],
        ready=lambda: _answers(f"{api_url()}/health"),
        ports={"TIDEMARK_API__PORT": settings().api.port},
        needs=("valkey",),
    )


def programs(rate: int) -> list[Service]:
    """Return the four programs."""
    return [streams(), simulator(rate), dash(), api()]
