"""docs/how-to/add-a-job.md, followed to the letter in a copy of the code: the job runs and logs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT
from pipelines.base.settings import Settings

PAGE = (ROOT / "docs" / "how-to" / "add-a-job.md").read_text()


@pytest.mark.integration
def test_a_job_that_was_added_as_the_page_says_runs(
    local_stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pipelines", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "spark-defaults.conf", tmp_path)
    (tmp_path / ".tidemark").mkdir()
    (tmp_path / ".tidemark" / "jars").symlink_to(ROOT / ".tidemark" / "jars")
    (path,) = set(re.findall(r"`(jobs/tasks/count_\w+\.py)`", PAGE))
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(code[1])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    events = [json.loads(line)["event"] for line in done.stderr.splitlines() if line.startswith("{")]
    assert events == ["orders_counted"]
