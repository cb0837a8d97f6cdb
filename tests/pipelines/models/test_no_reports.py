"""What our programs do with models is nobody else's business."""

import os
import subprocess
import sys

import pytest

from pipelines.base.paths import ROOT

ASKED = "import pipelines.models.registry; from mlflow.telemetry.utils import is_telemetry_disabled as off; print(off())"
# By these MLflow knows that it is tested, and reports nothing anyhow.
TESTED = ("PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "MLFLOW_TESTING")


@pytest.mark.programs
def test_mlflow_s_client_reports_nothing_to_its_makers() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in TESTED}
    found = subprocess.run([sys.executable, "-c", ASKED], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"
