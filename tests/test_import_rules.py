"""The import rules of pyproject.toml hold, and each of them is broken by what it forbids."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT

ROOMS = ("pipelines", "jobs", "simulator", "api", "stack", "dashboards", "benchmarks")
LINT = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> tuple[int, str]:
    """Check the rules in a folder and return exit code and output."""
    command = [LINT, "--no-cache", "--config", folder / "pyproject.toml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, " ".join(done.stdout.split())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all the code, to be spoiled."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "receipts"))
    return folder


def test_the_code_keeps_every_rule() -> None:
    code, told = lint(ROOT)
    assert code == 0, told
    assert "0 broken" in told


FORBIDDEN = [
    ("pipelines/streaming/stream.py", "import jobs.keep_events", "Rooms import the library"),
    ("simulator/pace.py", "import stack.ports", "Rooms import the library"),
    ("dashboards/look/figures.py", "import pipelines.table", "Dashboards import nothing of ours"),
    ("stack/ports.py", "import pipelines.online_store.client", "The stack knows settings and errors"),
    ("simulator/pace.py", "import pipelines.streaming.stream", "The simulator knows contracts"),
    ("api/payments/scorer.py", "import pipelines.contracts.schemas", "The API knows features, models, the online store"),
    ("pipelines/silver/orders.py", "import pipelines.gold.orders", "Gold is made of silver"),
    ("pipelines/gold/orders.py", "import pipelines.gold.stock_levels", "Gold tables do not import each other"),
    ("pipelines/silver/orders.py", "import pipelines.base.settings", "Transforms, features and models touch nothing outside"),
    ("pipelines/fraud/features/card_fold.py", "import pyspark", "What must run without Spark"),
]


@pytest.mark.parametrize(("module", "forbidden", "rule"), FORBIDDEN, ids=[rule for *_, rule in FORBIDDEN])
def test_a_rule_is_broken_by_what_it_forbids(copy: Path, module: str, forbidden: str, rule: str) -> None:
    file = copy / module
    before = file.read_text()
    file.write_text(f"{before}\n{forbidden}\n")
    try:
        code, told = lint(copy)
    finally:
        file.write_text(before)
    assert code == 1
    broken = told.partition("Broken contracts")[2]
    assert rule in broken
