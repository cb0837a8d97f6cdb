"""Secrets are random, complete, private, and never overwritten."""

import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from pipelines.base.errors import SettingsError
from pipelines.base.settings import read
from stack import dotenv_file

NAMES = set(dotenv_values(dotenv_file.EXAMPLE))


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_the_first_start_writes_every_name_with_a_secret_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert dotenv_file.ensure(file)
    written = dotenv_values(file)
    assert set(written) == NAMES
    assert len(set(written.values())) == len(NAMES)
    assert min(len(value or "") for value in written.values()) >= 24
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    dotenv_file.ensure(file)
    before = file.read_text()
    assert not dotenv_file.ensure(file)
    assert file.read_text() == before


def test_what_is_there_stays_and_what_is_missing_is_added(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("TIDEMARK_VALKEY__PASSWORD=mine\n")
    assert set(dotenv_file.missing(file)) == NAMES - {"TIDEMARK_VALKEY__PASSWORD"}
    dotenv_file.ensure(file)
    assert dotenv_values(file)["TIDEMARK_VALKEY__PASSWORD"] == "mine"
    assert set(dotenv_values(file)) == NAMES


def test_secrets_of_the_environment_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "given")
    assert not dotenv_file.ensure(tmp_path / ".env")
    assert not (tmp_path / ".env").exists()


def test_an_empty_one_is_missing(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("".join(f"{name}=\n" for name in NAMES))
    assert dotenv_file.ensure(file)
    assert min(len(value or "") for value in dotenv_values(file).values()) >= 24


def test_the_example_as_it_is_starts_nothing() -> None:
    with pytest.raises(SettingsError) as refused:
        read({name: value or "" for name, value in dotenv_values(dotenv_file.EXAMPLE).items()})
    assert str(refused.value).count("is still the placeholder of an example") == len(NAMES)


def test_secrets_are_added_on_lines_of_their_own_and_the_file_becomes_private(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("TIDEMARK_VALKEY__PASSWORD=mine")
    file.chmod(0o644)
    assert dotenv_file.ensure(file)
    written = dotenv_values(file)
    assert written["TIDEMARK_VALKEY__PASSWORD"] == "mine"
    assert set(written) == NAMES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
