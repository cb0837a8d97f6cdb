"""Where the state lies, and that secrets in it are nobody else's."""

import stat
from pathlib import Path

import pytest

from pipelines.base.settings import settings
from stack import folders


def set_state(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"TIDEMARK_{name}", value)
    settings.cache_clear()


def test_the_socket_lies_in_the_state_folder(state: Path) -> None:
    assert folders.socket().is_relative_to(state) or len(str(state)) > folders.LONGEST_SOCKET - 30


def test_a_socket_path_too_long_for_the_system_moves_to_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_state(monkeypatch, STATE=str(tmp_path / ("deep" * 30)))
    socket = folders.socket()
    assert len(str(socket)) < 108
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    socket.parent.rmdir()


@pytest.mark.usefixtures("state")
def test_only_the_owner_may_look_into_the_run_folder() -> None:
    assert stat.S_IMODE(folders.run().stat().st_mode) == 0o700


def test_a_rendered_file_has_its_values_and_is_its_owners(tmp_path: Path) -> None:
    values = {"host": "127.0.0.1", "port": 1, "password": "p w", "folder": tmp_path, "memory_mb": 7}
    file = folders.rendered("valkey/valkey.conf", tmp_path / "valkey.conf", **values)
    assert "requirepass p w\n" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
