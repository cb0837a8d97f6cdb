"""Files that are not a model's are one refused version, whatever is wrong with them (the real
registry: tests/integration).
"""

from pathlib import Path

import pytest
from fraud_models import a_packed_model

from pipelines.base.errors import ModelError
from pipelines.models.packed import Packed
from pipelines.models.publishing import ChampionWatch
from pipelines.models.registry import FILE, LOADER, _native
from pipelines.online_store.client import OnlineStore

DESCRIBED = f"flavors:\n  python_function: {{loader_module: {LOADER}}}\n  xgboost: {{model_format: ubj, data: {FILE}}}\n"


@pytest.mark.parametrize(
    "described",
    [None, DESCRIBED, "flavors: {unclosed", "", "only words", "flavors: [xgboost]", f"{DESCRIBED}signature: {{}}\n"],
    ids=["no files", "no model", "no yaml", "nothing", "no mapping", "a list", "a broken signature"],
)
def test_broken_files_are_refused_in_a_sentence(described: str | None, tmp_path: Path) -> None:
    if described is not None:
        (tmp_path / "MLmodel").write_text(described)
    with pytest.raises(ModelError, match=r"Model fraud version 2 cannot be read .* register one"):
        _native(tmp_path, "Model fraud version 2")


def test_a_whole_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(DESCRIBED)
    (tmp_path / FILE).write_bytes(b"trees")
    assert _native(tmp_path, "Model fraud version 2") == b"trees"


class OnDisk:
    """A registry whose champion's files lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def champion_version(self, name: str) -> str | None:
        return "2"

    def challenger_version(self, name: str) -> str | None:
        return None

    def packed(self, name: str, version: str) -> Packed:
        return a_packed_model(version, content=_native(self.folder, f"Model {name} version {version}"))


def test_the_watch_over_the_champion_refuses_broken_files_and_goes_on(store: OnlineStore, tmp_path: Path) -> None:
    store.publish(a_packed_model("1"))
    watch = ChampionWatch(OnDisk(tmp_path), store, "fraud", poll_s=60)
    watch.look()
    assert watch.refused == "2"
    assert store.current_version("fraud") == "1"
