"""Settings of the page."""

from pathlib import Path

import pytest

from dashboards import settings as module
from dashboards.settings import Settings, SettingsError, read
from pipelines.base.settings import settings as pipeline_settings
from stack import programs


def test_defaults_are_the_local_stack_on_loopback() -> None:
    assert read({}) == Settings(trino_host="127.0.0.1", trino_port=18080, dash_host="127.0.0.1", dash_port=18050)


def test_labels_mature_on_the_pages_when_they_mature_for_training() -> None:
    assert read({}).fraud_label_delay_days == pipeline_settings().fraud.label_delay_days
    assert read({"TIDEMARK_FRAUD__LABEL_DELAY_DAYS": "3"}).fraud_label_delay_days == 3
    assert read(programs.dash().environment).fraud_label_delay_days == pipeline_settings().fraud.label_delay_days


def test_the_environment_wins() -> None:
    chosen = read({"TIDEMARK_TRINO__PORT": "8080", "TIDEMARK_DASH__HOST": "::1", "TIDEMARK_KAFKA__PARTITIONS": "4"})
    assert (chosen.trino_port, chosen.dash_host) == (8080, "::1")
    assert read({"TIDEMARK_CATALOG__NAME": "pond"}).catalog_name == "pond"


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(SettingsError, match="TIDEMARK_DASH__PORT=often"):
        read({"TIDEMARK_DASH__PORT": "often"})


def test_the_file_lies_under_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("TIDEMARK_DASH__PORT=1111\nTIDEMARK_TRINO__PORT=2222\n")
    monkeypatch.setattr(module, "ENV_FILE", file)
    monkeypatch.setenv("TIDEMARK_DASH__PORT", "3333")
    monkeypatch.delenv("TIDEMARK_TRINO__PORT", raising=False)
    module.settings.cache_clear()
    assert (module.settings().dash_port, module.settings().trino_port) == (3333, 2222)
    module.settings.cache_clear()
