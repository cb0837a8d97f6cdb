"""What the tests' configuration gives by itself."""

import subprocess
import sys

import pytest

from pipelines.base.paths import ROOT

pytestmark = pytest.mark.programs


def test_what_asks_for_a_spark_session_is_left_to_make_test() -> None:
    file = "tests/pipelines/gold/test_orders.py"
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-m", "not spark", file]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert [line for line in found.splitlines() if "::" in line] == []
    assert "deselected" in found
