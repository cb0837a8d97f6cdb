"""The MLflow server: experiments and the model registry, in PostgreSQL, artifacts through the server."""

import sys
from urllib.parse import urlsplit

import httpx

from pipelines.settings import settings
from stack import folders
from stack.service import Service


def _prepare() -> None:
    folders.made(folders.data("mlflow") / "artifacts")


def _ready() -> bool:
    try:
        return httpx.get(f"{settings().mlflow.url}/health", timeout=3).is_success
    except httpx.TransportError:
        return False


def _environment() -> dict[str, str]:
    pg = settings().postgres
    return {
        "MLFLOW_BACKEND_STORE_URI": f"postgresql://{pg.user}@{pg.host}:{pg.port}/mlflow",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job workers cost more memory than the server
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def service() -> Service:
    """Return how MLflow runs here: on loopback, one worker, no jobs of its own."""
    url = urlsplit(settings().mlflow.url)
    host, port = url.hostname or "127.0.0.1", url.port or 80
    artifacts = f"file://{folders.data('mlflow')}/artifacts"
    return Service(
        name="mlflow",
        command=[
            *(sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"),
            *("--serve-artifacts", "--artifacts-destination", artifacts),
        ],
        ready=_ready,
        ports={"TIDEMARK_MLFLOW__URL": port},
        prepare=_prepare,
        needs=("postgres",),
        environment=_environment(),
        secrets={"PGPASSWORD": settings().postgres.password.get_secret_value()},
    )
