"""Latencies become figures that a receipt takes, and parts of a receipt keep when they were
measured.
"""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import receipt
from benchmarks.support import latencies

ANSWERS = np.array([(ms, ms + 100) for ms in range(101)], float)


def test_percentiles_are_of_the_answers_and_a_receipt_takes_them(tmp_path: Path) -> None:
    found = latencies.percentiles(ANSWERS, "_demo", "lists", "native_")
    assert found == {
        "native_p50_ms_demo": 50.0,
        "native_p99_ms_demo": 99.0,
        "native_seen_p50_ms_demo": 150.0,
        "native_seen_p99_ms_demo": 199.0,
        "native_lists_count_demo": 101.0,
    }
    assert receipt.write("made_up", {}, found, folder=tmp_path).is_file()


def test_figures_compare_ours_with_the_native_query() -> None:
    found = latencies.figures(ANSWERS * 2, ANSWERS, "", "lists")
    assert (found["p99_ms"], found["native_p99_ms"], found["p99_ratio"]) == (198.0, 99.0, 2.0)


def test_parts_that_were_measured_before_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(receipt, "RECEIPTS", tmp_path)
    first = latencies.known("made_up")
    assert first == {"settings": {}, "metrics": {}}
    receipt.write("made_up", {"parts": latencies.parts("alone", first)}, {"p50_ms": 1.0}, folder=tmp_path)
    both = latencies.parts("demo", latencies.known("made_up"))
    assert list(both) == ["alone", "demo"]
