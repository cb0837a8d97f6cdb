"""What a merge costs in small tables and in large ones."""

import json
from pathlib import Path

import pytest
from processes import finished

from benchmarks import gold_growth
from benchmarks.gold_growth import WARM_UP, Measured
from pipelines.base.settings import Settings


def test_the_first_merges_are_not_counted() -> None:
    found = gold_growth.metrics(Measured([9.0] * WARM_UP + [0.1, 0.2, 0.3], [1.0, 3.0], [10, 30]))
    assert found["merge_p50_ms"] == pytest.approx(200)
    assert found["merge_p95_ms"] < 300
    assert (found["compaction_p50_ms"], found["rewritten_bytes"]) == (2000, 20)


SMALL = """
from pathlib import Path
from benchmarks import gold_growth, receipt
gold_growth.SIZES.update({{"50k": 300, "3m": 600}})
receipt.RECEIPTS = Path({folder!r})
gold_growth.main(batches=3)
"""


@pytest.mark.integration
def test_a_small_run_measures_both_tables_at_both_sizes(local_stack: Settings, tmp_path: Path) -> None:
    finished("-c", SMALL.format(folder=str(tmp_path)))
    found = json.loads((tmp_path / "gold_growth.json").read_text())["metrics"]
    measured = {"merge_p50_ms", "merge_p95_ms", "compaction_p50_ms", "compaction_p95_ms", "rewritten_bytes"}
    assert found.keys() == {
        f"{table}_{metric}_{size}" for table in ("orders", "fraud_scores") for metric in measured for size in ("50k", "3m")
    }
    assert all(value > 0 for name, value in found.items() if "merge" in name)
