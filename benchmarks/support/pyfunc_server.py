"""MLflow's own scoring server with a fraud model: what `mlflow models serve` starts, without an
environment of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import xgboost

from pipelines.base.arrays import Floats
from pipelines.base.errors import ServiceUnreachable
from pipelines.models.packed import Packed
from stack.ports import some_free

APPLICATION, MODEL = "mlflow.pyfunc.scoring_server.app:app", "__pyfunc_model_path__"
PATIENCE_S = 300.0


@contextmanager
def pyfunc_server(packed: Packed, features: Floats) -> Iterator[int]:
    """Run the server with a model that takes rows like `features`, and yield its port."""
    import mlflow.xgboost  # here, because it takes seconds to import
    from mlflow.models import infer_signature

    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(packed.content))
    # With names it would take data frames only, which are slower still.
    booster.feature_names = None
    signature = infer_signature(features, booster.inplace_predict(features))
    with tempfile.TemporaryDirectory() as folder:
        mlflow.xgboost.save_model(booster, f"{folder}/model", model_format="ubj", signature=signature)
        with _running(Path(folder), some_free(1)[0]) as port:
            yield port


@contextmanager
def _running(folder: Path, port: int) -> Iterator[int]:
    command = [sys.executable, "-m", "uvicorn", APPLICATION, "--port", str(port), "--log-level", "warning"]
    own = {**os.environ, MODEL: str(folder / "model")}
    log = folder / "log"
    with log.open("wb") as out, subprocess.Popen(command, env=own, stdout=out, stderr=out) as server:
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/ping", server, log)
            yield port
        finally:
            server.terminate()


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while server.poll() is None and time.monotonic() < until:
        with suppress(httpx.TransportError):
            if httpx.get(url, timeout=5).is_success:
                return
        time.sleep(0.2)
    raise ServiceUnreachable(f"MLflow's scoring server did not come up; its log ends: {log.read_text()[-500:]}")
