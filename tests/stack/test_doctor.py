"""Doctor finds what is missing and says what to do, also on a bare Python."""

import ast
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hidden_java import hide_java

from pipelines.base import java
from pipelines.base.errors import TidemarkError
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack import checkup, doctor, dotenv_file, findings
from stack.ports import some_free

# Doctor as an older Python would run it: bare, and without what Python 3.11 has added.
OLDER = "import runpy, sys; sys.modules['tomllib'] = None; runpy.run_module('stack.doctor', run_name='__main__')"
# Doctor where one of the packages is missing.
LACKING = "import runpy, sys; sys.modules['{package}'] = None; runpy.run_module('stack.doctor', run_name='__main__')"
LOADED_FILES = """
import sys, stack.doctor
print(*(module.__file__ for name, module in sys.modules.items() if name.partition('.')[0] in ('stack', 'pipelines')))
"""


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide every JDK 17: JAVA_HOME and the PATH lead nowhere, /usr/lib/jvm is not looked at."""
    hide_java(monkeypatch, tmp_path)


def test_the_jdk_of_this_machine_is_found() -> None:
    java.jdk17.cache_clear()
    assert java.release(java.jdk17()) == 17
    assert doctor.jdk().fine


@pytest.mark.usefixtures("no_java")
def test_a_missing_jdk_is_one_sentence_with_a_remedy() -> None:
    with pytest.raises(TidemarkError, match=r"No JDK 17 .* install one"):
        java.jdk17()
    assert str(doctor.jdk()).startswith("  ✗ JDK 17")


def test_another_java_is_not_taken_for_jdk_17(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java.newer().parents[1]))
    java.jdk17.cache_clear()
    assert java.jdk17() != java.newer()
    assert java.release(java.newer()) == 25


def test_what_does_not_run_has_no_release(tmp_path: Path) -> None:
    assert java.release(tmp_path / "java") is None


def test_a_missing_maven_is_found_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not doctor.maven().fine
    assert "apt-get install maven" in str(doctor.maven())


def test_too_little_disk_or_memory_is_said() -> None:
    assert findings.disk(0).fine
    assert "1000000000 GiB are needed" in str(findings.disk(10**9))
    assert not findings.disk(where=Path("/proc")).fine  # a file system without room
    assert doctor.memory(0).fine
    assert not doctor.memory(10**9).fine


def test_packages_older_than_the_lock_want_an_install(tmp_path: Path) -> None:
    stamp, lock = tmp_path / "stamp", tmp_path / "lock"
    lock.touch()
    assert doctor.packages(stamp, lock).found == "not installed"
    stamp.touch()
    os.utime(lock, (1, 1))
    assert doctor.packages(stamp, lock).fine
    os.utime(stamp, (0, 0))
    assert not doctor.packages(stamp, lock).fine


def test_jars_are_there_or_want_an_install(tmp_path: Path) -> None:
    assert "make install" in str(doctor.jars(tmp_path / "missing"))
    assert doctor.jars(tmp_path).fine


def test_the_default_ports_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TIDEMARK_") and not name.endswith("PASSWORD")]:
        monkeypatch.delenv(name)
    settings.cache_clear()
    ours, found = settings(), findings.default_ports()
    assert found["postgres.port"] == ours.postgres.port
    assert found["kafka.bootstrap_servers"] == int(ours.kafka.bootstrap_servers.rpartition(":")[2])
    assert f":{found['mlflow.url']}" in ours.mlflow.url
    assert len(found) == 11
    settings.cache_clear()


def test_a_taken_default_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(findings, "default_ports", lambda: {"trino.port": port})
        assert f"in use: {port} (trino.port)" in str(findings.free_ports())
    monkeypatch.setattr(findings, "default_ports", lambda: {"trino.port": some_free(1)[0]})
    assert findings.free_ports().fine


def test_it_runs_on_a_python_without_any_package() -> None:
    bare = subprocess.run([sys.executable, "-S", "-m", "stack.doctor"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "JDK 17" in bare.stdout
    assert "ports" in bare.stdout
    assert bare.stderr == ""


def bare(code: str) -> subprocess.CompletedProcess[str]:
    """Run code on a Python that sees no package."""
    command = [sys.executable, "-S", "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["httpx", "pydantic", "psutil", "dotenv"])
def test_a_package_that_is_missing_is_named_and_what_to_do(package: str) -> None:
    command = [sys.executable, "-c", LACKING.format(package=package)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"✗ stack        not looked at: import of {package} halted" in done.stdout
    assert done.stdout.endswith("make install\n")


def test_before_the_installation_it_says_to_install(tmp_path: Path) -> None:
    for folder in ("stack", "pipelines", "conf"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    fresh = subprocess.run(
        [sys.executable, "-S", "-m", "stack.doctor"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (fresh.returncode, fresh.stderr) == (1, "")
    assert "✗ packages     not installed: run make install" in fresh.stdout
    assert "✗ jars         not fetched: run make install" in fresh.stdout
    assert "ports" in fresh.stdout


def test_on_an_older_python_it_still_says_what_is_missing() -> None:
    older = bare(OLDER)
    assert "JDK 17" in older.stdout
    assert older.stderr == ""


def test_an_older_python_can_read_all_of_it() -> None:
    files = [Path(name) for name in bare(LOADED_FILES).stdout.split()]
    assert {"doctor.py", "findings.py", "java.py", "paths.py", "ports.py"} <= {file.name for file in files}
    for file in files:
        tree = ast.parse(file.read_text(), feature_version=(3, 8))
        future = [node.names[0].name for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        assert future == ["annotations"] or not any(
            isinstance(node, ast.FunctionDef | ast.AnnAssign) for node in ast.walk(tree)
        )


@pytest.mark.usefixtures("state")
def test_a_stopped_service_is_fine_while_its_ports_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("TIDEMARK_VALKEY__PORT", str(taken.getsockname()[1]))
        settings.cache_clear()
        found = {finding.what: finding for finding in checkup.findings()}
    assert found["secrets"].fine
    assert f"(pid {os.getpid()})" in found["valkey"].found
    assert "TIDEMARK_VALKEY__PORT" in found["valkey"].remedy


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("program", "setting"),
    [("dash", "TIDEMARK_DASH__PORT"), ("streams", "TIDEMARK_SPARK__UI_PORT"), ("api", "TIDEMARK_API__PORT")],
)
def test_the_ports_of_the_programs_are_looked_at_too(monkeypatch: pytest.MonkeyPatch, program: str, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv(setting, str(taken.getsockname()[1]))
        settings.cache_clear()
        found = {finding.what: finding for finding in checkup.findings()}
    assert not found[program].fine
    assert setting in found[program].remedy


@pytest.mark.usefixtures("state")
def test_the_disk_of_a_state_that_lies_elsewhere_is_looked_at() -> None:
    assert [finding.fine for finding in checkup.findings() if finding.what == "disk"] == [True]


@pytest.mark.usefixtures("state")
def test_wrong_settings_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TIDEMARK_TRINO__PORT", "many")
        settings.cache_clear()
        assert [finding.what for finding in checkup.findings() if not finding.fine] == ["settings"]
    settings.cache_clear()


def test_missing_secrets_are_named_and_not_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dotenv_file, "missing", lambda: ["TIDEMARK_POSTGRES__PASSWORD"])
    secrets = next(checkup.findings())
    assert secrets.fine
    assert "lacks TIDEMARK_POSTGRES__PASSWORD" in secrets.found
