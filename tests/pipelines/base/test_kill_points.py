"""A kill point kills its own process when it is named, and nothing otherwise."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.programs


@pytest.mark.parametrize(("named", "code"), [("here", -signal.SIGKILL), ("elsewhere", 0), ("", 0)])
def test_only_the_named_point_kills(named, code):
    program = "from pipelines.base.kill_points import reach; reach('here')"
    environment = {**os.environ, "TIDEMARK_KILL_POINT": named}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == code


@pytest.mark.parametrize(("file", "code"), [("here", -signal.SIGKILL), ("elsewhere", 0)])
def test_a_folder_names_the_points_of_its_files(file, code, tmp_path):
    (tmp_path / file).touch()
    test_only_the_named_point_kills(str(tmp_path), code)
