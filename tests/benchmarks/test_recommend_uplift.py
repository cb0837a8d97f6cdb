"""The benchmark of what recommendations sell gives no figure without its interval."""

import json
from pathlib import Path

import pytest

from benchmarks import receipt, recommend_uplift
from benchmarks.uplift import deciding, intervals

ENDLESS = {"seeds_count", "past_sessions_count", "sessions_count", "wall_s"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """The receipt of two small shops."""
    folder = tmp_path_factory.mktemp("uplift")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receipt, "RECEIPTS", folder)
        patch.setattr(recommend_uplift, "RATE", 20.0)
        patch.setattr(intervals, "DRAWS", 100)
        patch.setattr(deciding, "RUNS", 5)
        recommend_uplift.main(seeds=2, past_s=1_500.0, measured_s=200.0)
    return dict(json.loads(Path(folder / "recommend_uplift.json").read_text()))


def ends_of(name: str) -> tuple[str, str]:
    """Return the names of the ends of a figure's interval."""
    for unit in ("_pct", "_brl", "_count", "_share"):
        stem, found, circumstance = name.rpartition(unit)
        if found:
            return f"{stem}_low{unit}{circumstance}", f"{stem}_high{unit}{circumstance}"
    raise AssertionError(f"{name} has no unit that is known here")


def test_every_figure_has_its_interval(written: dict[str, dict[str, float]]) -> None:
    metrics = written["metrics"]
    plain = [name for name in metrics if "_low" not in name and "_high" not in name and name not in ENDLESS]
    assert len(plain) > 30
    for name in plain:
        low, high = ends_of(name)
        assert metrics[low] <= metrics[name] <= metrics[high]


def test_every_variant_is_there_and_the_uplift_for_every_strength(written: dict[str, dict[str, float]]) -> None:
    metrics = written["metrics"]
    for variant in ("none", "popular", "session", "interleaved"):
        assert 0 < metrics[f"{variant}_conversion_pct"] < 100
    for strength in ("", "_weak", "_strong"):
        assert f"session_over_none_conversion_pct{strength}" in metrics
        assert f"session_over_popular_revenue_pct{strength}" in metrics
    assert written["settings"]["seeds"] == 2
