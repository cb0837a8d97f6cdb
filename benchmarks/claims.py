"""`python -m benchmarks.claims` writes the receipts' figures into README.md and docs; `--check`
names each stale one.

A claim is `<!-- claim order_freshness.p95_ms {:,.0f} ms -->1,234 ms<!-- /claim -->`: receipt and
metric, how to write the number, and the number as it stands.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from benchmarks import receipt
from pipelines.base.errors import TidemarkError
from pipelines.base.paths import ROOT

CLAIM = re.compile(
    r"(<!-- claim (?P<receipt>\w+)\.(?P<metric>\w+) (?P<form>.+?) -->)(?P<shown>.*?)(<!-- /claim -->)", re.DOTALL
)
RECEIPTS = Path("benchmarks") / "receipts"
out, err = Console(), Console(stderr=True)


class Stale(NamedTuple):
    """A figure that is not what its receipt says."""

    place: str
    claim: str
    shown: str
    measured: str

    def __str__(self) -> str:
        """Return the difference in one line."""
        return f"{self.place}: {self.claim} is {self.measured}, not {self.shown!r}"


def documents(root: Path) -> list[Path]:
    """Return the files that may claim something: README.md and every Markdown file of docs/."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def measured(claim: re.Match[str], receipts: Path) -> str:
    """Return a claim's figure as its receipt and its form have it; raises ReceiptError where it was
    never measured.
    """
    name, metric = claim["receipt"], claim["metric"]
    metrics = receipt.read(name, receipts)
    if metric not in metrics:
        raise receipt.ReceiptError(f"The receipt of {name} has no {metric}: choose one of {', '.join(metrics)}.")
    return claim["form"].format(metrics[metric])


def rendered(text: str, receipts: Path) -> str:
    """Return the text with every claim's figure as measured."""
    return CLAIM.sub(lambda claim: f"{claim[1]}{measured(claim, receipts)}{claim[6]}", text)


def stale(file: Path, receipts: Path) -> Iterator[Stale]:
    """Yield the figures of a file that are not what was measured."""
    text = file.read_text()
    for claim in CLAIM.finditer(text):
        now = measured(claim, receipts)
        if claim["shown"] != now:
            line = text.count("\n", 0, claim.start()) + 1
            yield Stale(f"{file.name}:{line}", f"{claim['receipt']}.{claim['metric']}", claim["shown"], now)


def check(root: Path) -> bool:
    """Name each stale figure below `root` and return whether there is one."""
    found = [figure for file in documents(root) for figure in stale(file, root / RECEIPTS)]
    for figure in found:
        err.print(f"  [red]✗[/] {figure}", highlight=False, soft_wrap=True)
    if found:
        err.print("Run `make claims`.")
    return bool(found)


def render(root: Path) -> None:
    """Bring the figures below `root` up to date and say where that changed something."""
    for file in documents(root):
        before = file.read_text()
        after = rendered(before, root / RECEIPTS)
        if after != before:
            file.write_text(after)
            out.print(f"  {file.relative_to(root)}: figures brought up to date", highlight=False)


def main(
    only_check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if a figure is stale.")] = False,
    root: Annotated[Path, typer.Option(help="The checkout to look at.")] = ROOT,
) -> None:
    """Write the receipts' figures into README.md and docs."""
    try:
        if only_check and check(root):
            raise typer.Exit(1)
        if not only_check:
            render(root)
    except TidemarkError as error:
        err.print(f"[red]✗[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
