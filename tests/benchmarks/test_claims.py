"""Figures in the documents are what the receipts say."""

from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from benchmarks import claims, receipt
from benchmarks.claims import rendered, stale
from benchmarks.receipt import ReceiptError

TEXT = "one\nAn order is there after <!-- claim freshness.p95_ms {:,.0f} ms -->7 ms<!-- /claim -->, p95.\n"


@pytest.fixture
def receipts(tmp_path: Path) -> Path:
    """A folder with one receipt."""
    receipt.write("freshness", {}, {"p95_ms": 1234.4}, folder=tmp_path / "receipts")
    return tmp_path / "receipts"


def test_the_documents_claim_what_was_measured() -> None:
    assert [str(figure) for file in claims.documents(claims.ROOT) for figure in stale(file, receipt.RECEIPTS)] == []


def test_a_claim_is_rendered_from_its_receipt_and_again_to_the_same(receipts: Path) -> None:
    once = rendered(TEXT, receipts)
    assert "{:,.0f} ms -->1,234 ms<!-- /claim -->, p95." in once
    assert rendered(once, receipts) == once


def test_a_stale_figure_is_named_with_its_line(receipts: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(TEXT)
    assert [str(figure) for figure in stale(file, receipts)] == ["page.md:2: freshness.p95_ms is 1,234 ms, not '7 ms'"]
    file.write_text(rendered(TEXT, receipts))
    assert list(stale(file, receipts)) == []


def test_a_claim_without_receipt_or_metric_is_an_error(receipts: Path) -> None:
    with pytest.raises(ReceiptError, match="There is no receipt of start"):
        rendered("<!-- claim start.demo_mb {:.0f} -->1<!-- /claim -->", receipts)
    with pytest.raises(ReceiptError, match=r"freshness has no p99_ms: choose one of p95_ms"):
        rendered("<!-- claim freshness.p99_ms {:.0f} -->1<!-- /claim -->", receipts)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose README has a stale figure."""
    receipt.write("freshness", {}, {"p95_ms": 1234.4}, folder=tmp_path / claims.RECEIPTS)
    (tmp_path / "README.md").write_text(TEXT)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run the command line of this module."""
    app = typer.Typer()
    app.command()(claims.main)
    return CliRunner().invoke(app, arguments)


def test_check_fails_on_a_stale_figure_until_claims_are_rendered(checkout: Path) -> None:
    at = ("--root", str(checkout))
    refused = run(*at, "--check")
    assert refused.exit_code == 1
    assert "README.md:2: freshness.p95_ms is 1,234 ms, not '7 ms'" in refused.output
    assert run(*at).exit_code == 0
    assert "1,234 ms" in (checkout / "README.md").read_text()
    assert run(*at, "--check").exit_code == 0


def test_a_missing_receipt_is_one_sentence_and_exit_code_1(checkout: Path) -> None:
    (checkout / "README.md").write_text("<!-- claim start.demo_mb {:.0f} -->1<!-- /claim -->")
    refused = run("--root", str(checkout))
    assert refused.exit_code == 1
    assert "There is no receipt of start: run `make bench NAME=start` first." in refused.output
