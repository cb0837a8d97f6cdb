"""Any set of the published form is measured from the command line."""

from pathlib import Path

import pytest
from next_item_files import write_set, write_strolls
from typer.testing import CliRunner

from benchmarks import next_item, next_item_quality, receipt
from benchmarks.next_item_sets import measuring
from benchmarks.next_item_sets.reading import read
from pipelines.recommendations.model import embedding

CHEAP = {"learn_at_least": 50, "learn_share": 0.3, "trees": 10, "depth": 3, "tune_on": 50, "epochs": 1, "epochs_on_newest": 1}


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn little."""
    monkeypatch.setattr(embedding, "WIDTH", 8)
    for name in ("NOT_LEARNED", "FAST", "FULL"):
        monkeypatch.setattr(measuring, name, getattr(measuring, name).model_copy(update=CHEAP))


def test_baselines_and_models_are_measured(tmp_path: Path) -> None:
    steps: list[str] = []
    found = measuring.measure(read(*write_strolls(tmp_path, 400, 50)), measuring.MODELS, steps.append)
    assert list(found) == ["popularity", "item_knn", *measuring.MODELS]
    assert found["popularity"]["hr20_pct"] < found["item_knn"]["hr20_pct"] < found["full"]["hr20_pct"] <= 100
    assert found["popularity"]["diversity_pct"] == pytest.approx(0)
    assert all(found[model]["query_p50_us"] > 0 for model in measuring.MODELS)
    assert any("epoch" in step for step in steps)


def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = write_strolls(tmp_path, 200, 20)
    next_item.measure(train, test, next_item.Only.NEIGHBOURS)
    printed = capsys.readouterr().out
    assert "item_knn" in printed
    assert "neighbours" in printed
    assert "full" not in printed


def test_a_file_of_another_form_ends_the_command(tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    app.command()(next_item.main)
    train, test = write_set(tmp_path, [{"session": 1, "items": [1]}], [{"wrong": 1}])
    result = CliRunner().invoke(app, ["--train", str(train), "--test", str(test)])
    assert result.exit_code == 1
    assert "prefix" in result.output


def test_the_receipt_has_every_model_of_every_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt, "RECEIPTS", tmp_path)
    monkeypatch.setattr(next_item_quality, "DATA", tmp_path)
    for name in next_item_quality.SETS:
        (tmp_path / name).mkdir()
        write_strolls(tmp_path / name, 200, 20)
    next_item_quality.main()
    metrics = receipt.read("next_item_quality", tmp_path)
    for name in next_item_quality.SETS:
        for model in ("popularity", "item_knn", *measuring.MODELS):
            assert 0 <= metrics[f"{name}_{model}_mrr20_pct"] <= metrics[f"{name}_{model}_hr20_pct"]
