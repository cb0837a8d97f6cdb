"""Receipts hold what was measured, by whom and with what, under names that say their units."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import receipt
from benchmarks.receipt import ReceiptError

CAMPAIGNS = ("card_testing", "stolen_card")
METRICS = {
    "p95_ms": 12.34567,
    "rate_per_s": 200.0,
    "xgboost_auc": 0.9,
    "ratio": 0.5,
    "p50_ms_demo": 3.0,
    "p50_1000_ms": 1.0,
    "xgboost_recall_at_fpr_1_pct_stolen_card": 0.5,
    "test_fraud_count_card_testing": 4.0,
    "saved_brl": 1.0,
    "a_per_day": 2.0,
}


def test_a_receipt_says_what_where_when_and_with_what(tmp_path: Path) -> None:
    file = receipt.write("freshness", {"rate": 200}, METRICS, folder=tmp_path, circumstances=CAMPAIGNS)
    written = json.loads(file.read_text())
    assert list(written) == ["benchmark", "commit", "at", "machine", "versions", "settings", "metrics"]
    assert (written["benchmark"], written["settings"], written["metrics"]["p95_ms"]) == ("freshness", {"rate": 200}, 12.3457)
    assert written["machine"].keys() == {"cores", "memory", "cpu"}
    assert {"python", "pyspark", "iceberg-spark-runtime-4.1_2.13", "trino-server-core"} <= written["versions"].keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", written["at"])


@pytest.mark.parametrize("metric", ["p95", "latency", "seconds", "auc_of_what", "mb", "money_saved", "recall_stolen_card"])
def test_a_metric_without_its_unit_is_refused(metric: str, tmp_path: Path) -> None:
    with pytest.raises(ReceiptError, match=f"The metric {metric} does not say its unit"):
        receipt.write("freshness", {}, {metric: 1.0}, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_circumstance_that_was_not_declared_is_no_unit(tmp_path: Path) -> None:
    with pytest.raises(ReceiptError, match="test_fraud_count_card_testing does not say its unit"):
        receipt.write("freshness", {}, METRICS, folder=tmp_path, circumstances=["stolen_card"])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: float, tmp_path: Path) -> None:
    with pytest.raises(ReceiptError, match=f"p95_ms is {value}"):
        receipt.write("freshness", {}, {"p95_ms": value}, folder=tmp_path)


def test_a_failed_run_is_kept_beside_the_good_one(tmp_path: Path) -> None:
    good = receipt.write("freshness", {}, {"p95_ms": 1.0}, folder=tmp_path)
    failed = receipt.write("freshness", {}, {"p95_ms": 9.0}, failed="no gold row came", folder=tmp_path)
    assert receipt.read("freshness", tmp_path) == {"p95_ms": 1.0}
    assert re.fullmatch(r"freshness\.failed-\d{8}T\d{6}\.json", failed.name)
    assert (json.loads(failed.read_text())["failed"], good.name) == ("no gold row came", "freshness.json")


def test_a_missing_receipt_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ReceiptError, match="There is no receipt of freshness: run `make bench NAME=freshness` first"):
        receipt.read("freshness", tmp_path)
