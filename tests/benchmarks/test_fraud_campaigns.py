"""The benchmark of the campaigns measures what the product's own training makes of a simulated
shop.
"""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from fraud_histories import a_history

import benchmarks.__main__ as command
from benchmarks import fraud_campaigns, receipt
from benchmarks.support.simulated_payments import Past
from pipelines.base.settings import settings
from pipelines.fraud.features.feature_set import FEATURES
from simulator.shop.fraud import KINDS

PAST = Past(seed=3, opened=date(2025, 1, 1), days=60, orders_per_day=500)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """The receipt of two months of a small shop."""
    folder = tmp_path_factory.mktemp("campaigns")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receipt, "RECEIPTS", folder)
        fraud_campaigns.measure(PAST)
    return dict(json.loads((folder / "fraud_campaigns.json").read_text()))


def test_every_campaign_has_its_share_found_and_its_number(written):
    metrics = written["metrics"]
    for kind in KINDS:
        assert 0 <= metrics[f"xgboost_recall_at_fpr_0_1_pct_{kind}"] <= metrics[f"xgboost_recall_at_fpr_1_pct_{kind}"] <= 1
    assert sum(metrics[f"test_fraud_count_{kind}"] for kind in KINDS) == metrics["test_fraud_count"] > 0
    assert metrics["xgboost_auc"] > 0.8
    assert metrics["xgboost_average_precision"] > 10 * metrics["test_fraud_count"] / metrics["test_count"]


def test_money_and_time_and_size_have_their_units(written):
    metrics = written["metrics"]
    fees = settings().fraud.costs.chargeback_fee * metrics["test_fraud_count"]
    assert 0 < metrics["xgboost_money_saved_brl"] < metrics["test_fraud_brl"] + fees
    assert metrics["training_s"] > metrics["fit_s"] > 0
    assert metrics["card_fold_per_s"] > metrics["fold_per_s"] > 0
    assert metrics["features_count"] == len(FEATURES)
    assert metrics["predict_us"] > 0


def test_the_test_period_is_the_last_quarter_of_what_has_matured(written):
    described = written["settings"]
    assert described["past"] == {"seed": 3, "opened": "2025-01-01", "days": 60, "orders_per_day": 500}
    assert (described["test_from"], described["test_to"]) == ("2025-02-10", "2025-02-22")


def test_money_is_named_by_its_currency():
    figures = fraud_campaigns.in_units({"xgboost_money_saved": 5.0, "xgboost_money_saved_share": 0.5})
    assert figures == {"xgboost_money_saved_brl": 5.0, "xgboost_money_saved_share": 0.5}


def test_frauds_are_counted_by_campaign_and_their_money_is_summed():
    test = a_history(days=4)
    figures = fraud_campaigns.of_frauds(test)
    assert figures.pop("test_fraud_brl") == pytest.approx(float(test.amount[test.fraud].sum()))
    assert figures == {f"test_fraud_count_{kind}": np.sum(test.campaign == kind) for kind in ("card_testing", "stolen_card")}


def test_the_file_comes_from_the_command_line(monkeypatch):
    measured = []
    monkeypatch.setattr(fraud_campaigns, "measure", lambda past, file: measured.append((past, file)))
    command.measure("fraud_campaigns", ["--payments", "year.parquet"])
    command.measure("fraud_campaigns", [])
    assert measured == [(fraud_campaigns.YEAR, Path("year.parquet")), (fraud_campaigns.YEAR, None)]
