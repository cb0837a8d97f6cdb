"""The figures of a set as a table, beside the published ones."""

from collections.abc import Mapping

from rich.table import Table

# Percent of the targets, HR@20 and MRR@20, as their papers give them.
PUBLISHED: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "diginetica": {
        "item-KNN, published": (37.27, 11.99),
        "NARM, published": (49.70, 16.17),
        "SR-GNN, published": (50.73, 17.59),
        "GCE-GNN, published": (54.22, 19.04),
    },
    "yoochoose64": {
        "item-KNN, published": (52.75, 22.32),
        "NARM, published": (68.32, 28.63),
        "SR-GNN, published": (70.57, 30.94),
    },
}
COLUMNS = {
    "HR@20": "hr20_pct",
    "MRR@20": "mrr20_pct",
    "cold HR@20": "cold_hr20_pct",
    "one click": "one_click_hr20_pct",
    "coverage": "coverage_pct",
    "popularity": "mean_popularity_pct",
    "diversity": "diversity_pct",
    "p50 µs": "query_p50_us",
    "p99 µs": "query_p99_us",
    "build s": "build_s",
    "MB": "model_mb",
}


def table(name: str, found: Mapping[str, Mapping[str, float]]) -> Table:
    """Return one table of what was measured on a set and what is published of it."""
    shown = Table(title=name)
    shown.add_column("model")
    for column in COLUMNS:
        shown.add_column(column, justify="right")
    for model, (hit_rate, reciprocal_rank) in PUBLISHED.get(name, {}).items():
        shown.add_row(model, f"{hit_rate:.2f}", f"{reciprocal_rank:.2f}")
    for model, figures in found.items():
        shown.add_row(model, *(f"{figures[key]:,.2f}" if key in figures else "" for key in COLUMNS.values()))
    return shown
