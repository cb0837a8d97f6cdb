"""Starting a demo of its own."""

from pathlib import Path

import pytest

from benchmarks import start
from pipelines.base.settings import read, settings
from stack import lifecycle, supervision
from stack.isolated import environment
from stack.services import services


def test_the_measured_demo_has_folders_and_ports_of_its_own(tmp_path: Path) -> None:
    passwords = {f"TIDEMARK_{name}__PASSWORD": "x" for name in ("POSTGRES", "VALKEY", "MLFLOW")}
    own, default = read({**passwords, **environment(tmp_path)}), read(passwords)
    assert (own.state, own.catalog.warehouse) == (str(tmp_path), str(tmp_path / "warehouse"))
    assert own.checkpoints.path == str(tmp_path / "checkpoints")
    for section, key in (("postgres", "port"), ("valkey", "port"), ("trino", "port"), ("dash", "port"), ("mlflow", "url")):
        assert getattr(getattr(own, section), key) != getattr(getattr(default, section), key)
    assert own.kafka.bootstrap_servers != default.kafka.bootstrap_servers
    assert own.schema_registry.url != default.schema_registry.url
    assert own.spark.ui_port != default.spark.ui_port


@pytest.mark.integration
def test_memory_is_that_of_every_program_and_of_all_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path / "state").items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    valkey = [service for service in services() if service.name == "valkey"]
    try:
        lifecycle.up(valkey, services(), lambda name, seconds: None)
        memory = start._memory(supervision.call("getPID"))
        assert 0 < memory["valkey_mb"] < memory["demo_mb"]
        assert memory["kafka_mb"] == 0.0
        assert start._starts()["valkey_start_s"] > 0
        assert not start._has_gold_row()
    finally:
        lifecycle.down(services(), lambda name, seconds: None)
        settings.cache_clear()
