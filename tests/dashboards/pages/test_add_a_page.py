"""docs/how-to/add-a-page.md, followed to the letter in a copy of the dashboards."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipelines.base.paths import ROOT
from stack.ports import some_free

pytestmark = pytest.mark.programs

GUIDE = ROOT / "docs" / "how-to" / "add-a-page.md"
FILE = re.compile(r"^```python\n# (dashboards/\S+\.py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def with_reviews(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The site of a copy in which every file of the guide was written; its Trino is not there."""
    folder = tmp_path_factory.mktemp("site")
    _follow(folder)
    (port,) = some_free(1)
    command = [sys.executable, "-m", "dashboards.app", "--json-logs"]
    environment = {**os.environ, "TIDEMARK_DASH__PORT": str(port), "TIDEMARK_TRINO__PORT": "1"}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as site:
        assert site.stdout is not None
        yield httpx.Client(base_url=json.loads(site.stdout.readline())["url"], timeout=60)
        site.terminate()


def _follow(folder: Path) -> None:
    shutil.copytree(ROOT / "dashboards", folder / "dashboards", ignore=shutil.ignore_patterns("__pycache__"))
    files = FILE.findall(GUIDE.read_text())
    assert len(files) == GUIDE.read_text().count("```python")
    for name, text in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def test_the_new_page_is_served_beside_the_others(with_reviews: httpx.Client) -> None:
    answers = {path: with_reviews.get(path) for path in ("/", "/fraud/", "/reviews/")}
    assert {path: answer.status_code for path, answer in answers.items()} == {"/": 200, "/fraud/": 200, "/reviews/": 200}
    assert "Tidemark · Reviews" in answers["/reviews/"].text
    assert answers["/reviews/"].headers["content-security-policy"] == answers["/"].headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/fraud/", "/reviews/"])
def test_the_navigation_of_every_page_leads_to_it(with_reviews: httpx.Client, path: str) -> None:
    assert "'href': '/reviews/'" in str(with_reviews.get(f"{path}_dash-layout").json())


def test_its_callback_says_what_is_missing(with_reviews: httpx.Client) -> None:
    outputs = [{"id": "scores-rows", "property": "rowData"}, {"id": "scores-remark", "property": "children"}]
    request = {
        "output": "..scores-rows.rowData...scores-remark.children..",
        "outputs": outputs,
        "inputs": [{"id": "tick", "property": "n_intervals", "value": 1}],
        "changedPropIds": ["tick.n_intervals"],
    }
    answer = with_reviews.post("/reviews/_dash-update-component", json=request)
    assert answer.status_code == 200
    assert "Trino does not answer at 127.0.0.1:1" in answer.text
