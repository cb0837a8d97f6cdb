"""What all tests share: a real local stack of their own."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling, Scheduling

from pipelines.base.paths import ROOT
from pipelines.base.settings import Settings, settings

SHOP = "tests/simulator/shop/"
TEST_STACKS = ROOT / ".tidemark" / "test"
PASSWORDS = {
    **{f"TIDEMARK_{name}__PASSWORD": f"only-for-tests-{name.lower()}" for name in ("POSTGRES", "VALKEY", "MLFLOW", "TRINO")},
    **{
        f"TIDEMARK_POSTGRES__{role}_PASSWORD": f"only-for-tests-role-{role.lower()}"
        for role in ("TRINO", "MLFLOW", "REGISTRY", "SETUP")
    },
    "TIDEMARK_API__KEYS": "only-for-tests-of-the-api",
}

# Twenty queries fill the 48 MB that the quick compiler has by itself within a minute; from then on
# Java interprets. Room for classes is given at once, as to the streams (stack/programs.py).
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:MetaspaceSize=256m"

# Threads of XGBoost and NumPy that wait for each other spin, and take the cores from the very ones
# they wait for: two tests at once took five times as long. Read when the first library loads, so it
# is set here and not by a fixture.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# No example fails because the machine was busy.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let integration tests use a stack that runs already, which saves its start while
    developing.
    """
    parser.addoption("--running-stack", action="store_true", help="use the stack the settings name instead of starting one")
    parser.addoption("--faults-kills", default=3, help="how many processes tests/faults kills")
    parser.addoption("--faults-seed", default=7, help="what chooses the order in which it kills")
    parser.addoption("--faults-receipt", action="store_true", help="write what it counted to the receipt `reliability`")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what needs a Spark session, and skip what compares with a data set that is not here."""
    if "spark" in getattr(item, "fixturenames", ()):
        item.add_marker("spark")
    for needed in item.iter_markers("data_set"):
        file, why = needed.args
        if not file.is_file():
            item.add_marker(pytest.mark.skip(reason=f"{why}: {file} is not there, set TIDEMARK_DATA"))


class _ByFile(LoadFileScheduling):
    """Hands out tests file by file, and the simulated shop's as one: they share runs of 10 s."""

    def _split_scope(self, nodeid: str) -> str:
        return SHOP if nodeid.startswith(SHOP) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Hand out tests in groups that share their fixtures."""
    return _ByFile(config, log)


def _environment(state: Path) -> dict[str, str]:
    """Return settings for a stack of its own: every port free now, every path below `state`."""
    from stack.isolated import environment

    return {**PASSWORDS, **environment(state)}


@pytest.fixture(scope="session", autouse=True)
def _no_real_secrets() -> Iterator[None]:
    """Give every test, also on a clean clone without .env, passwords that are nobody's."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PASSWORDS.items():
            patch.setenv(name, value)
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _quick_java() -> Iterator[None]:
    """Have every Java of the tests compile quickly instead of well: few of them live long enough to
    gain by it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", QUICK_JAVA)
        yield


def _clear_dead_stacks() -> None:
    """Take down and remove what earlier test runs left, unless their process still lives."""
    from stack import lifecycle

    for folder in TEST_STACKS.glob("*"):
        if not psutil.pid_exists(int(folder.name)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TIDEMARK_STATE", str(folder))
                settings.cache_clear()
                lifecycle.down([], lambda name, seconds: None)
            shutil.rmtree(folder)
    settings.cache_clear()


@pytest.fixture(scope="session")
def environment_for() -> Callable[[Path], dict[str, str]]:
    """Return what makes the environment of a stack of its own below a folder, for tests that start
    it as a child process.
    """
    return _environment


@pytest.fixture(scope="session")
def local_stack(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Start Kafka, registry, PostgreSQL, Valkey, MLflow and Trino for this test session and yield
    the settings that reach them.

    TIDEMARK_* in the environment point to them too, so that child processes find the same stack.
    Logs stay below .tidemark/test until the next session.
    """
    if request.config.getoption("--running-stack"):
        yield settings()
        return
    from stack import lifecycle
    from stack.services import services

    _clear_dead_stacks()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(TEST_STACKS / str(os.getpid())).items():
            patch.setenv(name, value)
        settings.cache_clear()
        try:
            lifecycle.up(services(), services(), lambda name, seconds: None)
            yield settings()
        finally:
            lifecycle.down(services(), lambda name, seconds: None)
    settings.cache_clear()
