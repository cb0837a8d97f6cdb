"""The MLflow server: experiments, the model registry and who may use them, in PostgreSQL, artifacts
through the server.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from pipelines.base.errors import SettingsError
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack import folders, postgres_roles
from stack.service import Service

PACKAGE = find_spec("mlflow")  # found, not imported, which would take seconds
LOGGING = Path(PACKAGE.origin if PACKAGE and PACKAGE.origin else "/nowhere").parent / "server" / "uvicorn_log_config.yaml"
LEAST_LENGTH = 12  # of a password, which MLflow itself insists on


def _prepare() -> None:
    if len(settings().mlflow.password.get_secret_value()) < LEAST_LENGTH:
        raise SettingsError(
            f"MLflow takes no password of less than {LEAST_LENGTH} characters: set a longer TIDEMARK_MLFLOW__PASSWORD in .env."
        )
    folders.made(folders.data("mlflow") / "artifacts")


def _ready() -> bool:
    try:
        return httpx.get(f"{settings().mlflow.url}/health", timeout=3).is_success
    except httpx.TransportError:
        return False


def _environment() -> dict[str, str]:
    pg = settings().postgres
    return {
        "PGHOST": pg.host,
        "PGPORT": str(pg.port),
        "PGUSER": postgres_roles.MLFLOW,
        "MLFLOW_BACKEND_STORE_URI": "postgresql:///mlflow",
        "MLFLOW_ARTIFACTS_DESTINATION": f"file://{folders.data('mlflow')}/artifacts",
        "MLFLOW_AUTH_CONFIG_PATH": str(ROOT / "conf" / "mlflow" / "basic_auth.ini"),
        "MLFLOW_AUTH_ADMIN_USERNAME": settings().mlflow.user,
        # Its job workers cost more memory than the server.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def service() -> Service:
    """Return how MLflow runs here: on loopback, with a password, in one process, without jobs of
    its own.
    """
    url = urlsplit(settings().mlflow.url)
    host, port = url.hostname or "127.0.0.1", url.port or 80
    return Service(
        name="mlflow",
        command=[
            *(sys.executable, "-m", "uvicorn", "--factory", "stack.mlflow_server:application"),
            *("--host", host, "--port", str(port), "--log-config", str(LOGGING)),
        ],
        ready=_ready,
        ports={"TIDEMARK_MLFLOW__URL": port},
        prepare=_prepare,
        needs=("postgres",),
        environment=_environment(),
        secrets={
            "PGPASSWORD": settings().postgres.mlflow_password.get_secret_value(),
            "MLFLOW_AUTH_ADMIN_PASSWORD": settings().mlflow.password.get_secret_value(),
        },
    )
