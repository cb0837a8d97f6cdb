"""The benchmark of the fraud models runs on any transactions of the Handbook's form and says what
it measured.
"""

import json
from datetime import date
from pathlib import Path

import pytest
from handbook import some_transactions

import benchmarks.__main__ as command
from benchmarks import fraud_quality, receipt
from benchmarks.handbook import models


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """The receipt of a small run over two files."""
    folder = tmp_path_factory.mktemp("quality")
    rows = some_transactions(days=36, per_day=250, cards=150)
    rows[:4000].to_parquet(folder / "a.parquet")
    rows[4000:].to_parquet(folder / "b.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receipt, "RECEIPTS", folder)
        patch.setattr(models, "ROUNDS", 20)
        fraud_quality.measure([folder / "a.parquet", folder / "b.parquet"], date(2018, 4, 22), weeks=2)
    return dict(json.loads((folder / "fraud_quality.json").read_text()))


def test_every_model_has_its_figures_for_the_single_split_and_as_means_over_weeks(written):
    metrics = written["metrics"]
    for model in ("xgboost", "logistic", "random_forest"):
        for figure in ("auc", "average_precision", "card_precision_100"):
            assert 0 <= metrics[f"{model}_{figure}"] <= 1
            assert 0 <= metrics[f"{model}_{figure}_prequential"] <= 1
        assert metrics[f"{model}_auc"] != metrics[f"{model}_auc_prequential"]
    assert metrics["xgboost_average_precision"] > 0.5, "frauds are dear"
    assert 0 <= metrics["xgboost_average_precision_all_history"] <= 1
    assert metrics["transactions_count"] == 36 * 250


def test_the_receipt_says_which_weeks_and_files_were_used_and_what_was_published(written):
    described = written["settings"]
    assert described["transactions"] == ["a.parquet", "b.parquet"]
    assert described["prequential_test_weeks_from"] == ["2018-04-22", "2018-04-29"]
    assert described["published"]["xgboost"] == [0.862, 0.639, 0.273]


def test_files_and_weeks_come_from_the_command_line(monkeypatch):
    measured = []
    monkeypatch.setattr(fraud_quality, "measure", lambda files, test_from, weeks: measured.append((files, test_from, weeks)))
    options = ["--transactions", "a", "--transactions", "b", "--test-from", "2018-09-01", "--weeks", "3"]
    command.measure("fraud_quality", options)
    command.measure("fraud_quality", [])
    assert measured == [
        ([Path("a"), Path("b")], date(2018, 9, 1), 3),
        ([fraud_quality.TRANSACTIONS], fraud_quality.TEST_FROM, fraud_quality.WEEKS),
    ]
