"""README and docs/measured.md are what the receipts give."""

from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from benchmarks import claims, receipt
from benchmarks.receipt import ReceiptError

README = "one\n<!-- measured: by make claims -->\n- An order is there after 7 ms.\n<!-- /measured -->\ntwo\n"
CLAIMS = """
readme = ["An order is there after {freshness.p95_ms:,.0f} ms."]
[[sections]]
title = "Freshness"
[[sections.figures]]
what = "an order"
figure = "{freshness.p95_ms:,.0f} ms"
goal = "under two seconds"
bounds = ["freshness.p95_ms < 2000", "freshness.p95_ms > freshness.p50_ms"]
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose README has a stale figure, and that has no page yet."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(README)
    measured(tmp_path, p95_ms=1234.4, p50_ms=400.0)
    (tmp_path / claims.CLAIMS).write_text(CLAIMS)
    return tmp_path


def measured(checkout: Path, **metrics: float) -> None:
    """Write the receipt of freshness."""
    receipt.write("freshness", {}, metrics, folder=checkout / claims.RECEIPTS)


def run(*arguments: str) -> Result:
    """Run the command line of this module."""
    app = typer.Typer()
    app.command()(claims.main)
    return CliRunner().invoke(app, arguments)


def test_the_documents_claim_what_was_measured() -> None:
    assert [str(difference) for difference in claims.stale(claims.ROOT)] == []


def test_the_readme_has_six_claims_at_most(checkout: Path) -> None:
    (checkout / claims.CLAIMS).write_text(f"readme = {['a line'] * 7}")
    with pytest.raises(claims.ClaimsError, match="at most 6 items"):
        claims.read(checkout / claims.CLAIMS)


def test_claims_are_rendered_from_their_receipts_and_again_to_the_same(checkout: Path) -> None:
    once = claims.rendered(checkout)
    assert once[checkout / "README.md"] == README.replace("7 ms", "1,234 ms")
    assert "\n## Freshness\n" in once[checkout / "docs" / "measured.md"]
    assert "\n| an order | 1,234 ms | under two seconds: met |\n" in once[checkout / "docs" / "measured.md"]
    assert "\n| `make bench NAME=freshness` | " in once[checkout / "docs" / "measured.md"]
    for file, text in once.items():
        file.write_text(text)
    assert claims.rendered(checkout) == once


@pytest.mark.parametrize("metrics", [{"p95_ms": 2000.0, "p50_ms": 1.0}, {"p95_ms": 100.0, "p50_ms": 100.0}])
def test_a_goal_is_met_only_while_all_its_bounds_hold(checkout: Path, metrics: dict[str, float]) -> None:
    measured(checkout, **metrics)
    assert "under two seconds: not met |" in claims.rendered(checkout)[checkout / "docs" / "measured.md"]


def test_a_claim_without_receipt_or_metric_is_an_error(checkout: Path) -> None:
    (checkout / claims.CLAIMS).write_text('readme = ["{start.demo_mb:.0f} MB"]')
    with pytest.raises(ReceiptError, match="There is no receipt of start"):
        claims.rendered(checkout)
    (checkout / claims.CLAIMS).write_text('readme = ["{freshness.p99_ms:.0f} ms"]')
    with pytest.raises(ReceiptError, match=r"freshness has no p99_ms: choose one of p95_ms"):
        claims.rendered(checkout)


@pytest.mark.parametrize(
    "wrong",
    [
        CLAIMS.replace("bounds", "bound"),
        CLAIMS.replace("bounds", "# bounds"),
        CLAIMS.replace("p95_ms < 2000", "p95_ms is low"),
        CLAIMS + "[",
    ],
)
def test_a_goal_without_bounds_and_what_is_no_claim_are_errors(checkout: Path, wrong: str) -> None:
    (checkout / claims.CLAIMS).write_text(wrong)
    with pytest.raises(claims.ClaimsError, match=r"claims\.toml cannot be read"):
        claims.rendered(checkout)


def test_a_readme_without_a_place_for_figures_is_an_error(checkout: Path) -> None:
    (checkout / "README.md").write_text("one\n")
    with pytest.raises(claims.ClaimsError, match="no place for figures"):
        claims.rendered(checkout)


def test_check_fails_on_a_stale_figure_until_claims_are_rendered(checkout: Path) -> None:
    at = ("--root", str(checkout))
    refused = run(*at, "--check")
    assert refused.exit_code == 1
    assert "README.md:3: reads '- An order is there after 7 ms.', the receipts give '- An order is there after 1,234 ms.'" in (
        refused.output
    )
    assert "docs/measured.md:1: reads ''" in refused.output
    assert run(*at).exit_code == 0
    assert "1,234 ms" in (checkout / "README.md").read_text()
    assert run(*at, "--check").exit_code == 0


def test_a_missing_receipt_is_one_sentence_and_exit_code_1(checkout: Path) -> None:
    (checkout / claims.CLAIMS).write_text('readme = ["{start.demo_mb:.0f} MB"]')
    refused = run("--root", str(checkout))
    assert refused.exit_code == 1
    assert "There is no receipt of start: run `make bench NAME=start` first." in refused.output
