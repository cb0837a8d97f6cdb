"""The import rules of pyproject.toml hold, and each of them is broken by what it forbids."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT

pytestmark = pytest.mark.programs

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
    code, output = lint(ROOT)
    assert code == 0, output
    assert "0 broken" in output


FORBIDDEN = [
    ("pipelines/streaming/writes.py", "import jobs.streams.keep_events", "Programs import the library"),
    ("simulator/pace.py", "import stack.ports", "Programs import the library"),
    ("pipelines/silver/orders.py", "import pipelines.gold.orders", "Rooms of the library"),
    ("pipelines/online_store/client.py", "import pipelines.fraud.features.card_state", "Rooms of the library"),
    ("pipelines/models/registry.py", "import pipelines.fraud.model.fraud_model", "Rooms of the library"),
    ("pipelines/operations/balance.py", "import pipelines.fraud.alerts", "Rooms of the library"),
    ("pipelines/base/settings.py", "import pipelines.table", "Rooms of the library"),
    ("pipelines/gold/orders.py", "import pipelines.gold.stock_levels", "Gold tables do not import each other"),
    ("pipelines/silver/orders.py", "import pipelines.base.settings", "Tables, features and models touch nothing"),
    ("pipelines/fraud/features/card_fold.py", "import valkey", "Tables, features and models touch nothing"),
    ("pipelines/fraud/model/gate.py", "import mlflow", "Tables, features and models touch nothing"),
    ("pipelines/fraud/features/card_fold.py", "import pyspark", "What must run without Spark"),
    ("pipelines/recommendations/store.py", "import pyspark", "What must run without Spark"),
    ("pipelines/recommendations/experiment.py", "import pipelines.fraud.alerts", "Rooms of the library"),
    ("api/app.py", "import pyspark", "What must run without Spark"),
    ("stack/ports.py", "import pipelines.online_store.client", "The stack knows the base of the library"),
    ("simulator/pace.py", "import pipelines.lake.catalog", "The simulator knows base, contracts"),
    ("dashboards/look/figures.py", "import pipelines.table", "Dashboards import nothing of ours"),
]


@pytest.mark.parametrize(("module", "forbidden", "rule"), FORBIDDEN, ids=[" ".join(case[:2]) for case in FORBIDDEN])
def test_a_rule_is_broken_by_what_it_forbids(copy: Path, module: str, forbidden: str, rule: str) -> None:
    file = copy / module
    before = file.read_text()
    file.write_text(f"{before}\n{forbidden}\n")
    try:
        code, output = lint(copy)
    finally:
        file.write_text(before)
    assert code == 1
    broken = output.partition("Broken contracts")[2]
    assert rule in broken


def test_a_room_without_a_place_among_the_layers_is_an_error(copy: Path) -> None:
    room = copy / "pipelines" / "novelty"
    room.mkdir()
    (room / "__init__.py").touch()
    try:
        code, output = lint(copy)
    finally:
        shutil.rmtree(room)
    assert code == 1
    assert "pipelines.novelty" in output
