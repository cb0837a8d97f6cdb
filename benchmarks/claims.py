"""`python -m benchmarks.claims` writes docs/measured.md and the measured lines of README.md from
the receipts; `--check` changes nothing and names what is stale.

What is claimed, in which words and with which goals, is in benchmarks/claims.toml.
"""

import operator
import re
import tomllib
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from rich.console import Console
from rich.markup import escape

from benchmarks import receipt
from pipelines.base.errors import TidemarkError
from pipelines.base.paths import ROOT

CLAIMS, RECEIPTS = Path("benchmarks") / "claims.toml", Path("benchmarks") / "receipts"
README, PAGE = Path("README.md"), Path("docs") / "measured.md"
RELIABILITY = Path("docs") / "reliability.md"
WRITTEN_BY_TESTS = {"reliability": "make faults"}
BLOCK = re.compile(r"(<!-- measured.*?-->\n).*?(<!-- /measured -->)", re.DOTALL)
BOUND = re.compile(r"(?P<receipt>\w+)\.(?P<metric>\w+) (?P<comparison><=|>=|<|>) (?P<limit>\S+)")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
HEAD = """\
# Measured

Written by `make claims` from the files in `benchmarks/receipts`, which `make bench` writes; change
`benchmarks/claims.toml`, not this page. `make test` fails where they differ.
"""
out, err = Console(), Console(stderr=True)


class ClaimsError(TidemarkError):
    """A claim cannot be read or has no place to go."""


class Figure(BaseModel):
    """One line of docs/measured.md; its goal is met while all its bounds hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    figure: str
    goal: str | None = None
    bounds: list[Annotated[str, Field(pattern=f"^{BOUND.pattern}$")]] = []

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if (self.goal is None) != (not self.bounds):
            raise ValueError(f"a goal and its bounds go together: {self.what}")
        return self


class Section(BaseModel):
    """Some figures under a title."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    figures: list[Figure]


class Claims(BaseModel):
    """What benchmarks/claims.toml holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    readme: Annotated[list[str], Field(max_length=6)] = []
    reliability: list[str] = []
    sections: list[Section] = []


class Metrics:
    """The metrics of one receipt as attributes, which is how format text names them."""

    def __init__(self, name: str, receipts: Path) -> None:
        self._name, self._values = name, receipt.read(name, receipts)

    def __getattr__(self, metric: str) -> float:
        """Return one metric; raises ReceiptError where it was never measured."""
        if metric not in self._values:
            raise receipt.ReceiptError(f"The receipt of {self._name} has no {metric}: choose one of {', '.join(self._values)}.")
        return self._values[metric]


class Receipts(dict[str, Metrics]):
    """The metrics of every receipt by the benchmark's name, read when they are needed."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> Metrics:
        """Read a receipt; raises ReceiptError where there is none."""
        self[name] = Metrics(name, self._folder)
        return self[name]


class Stale(NamedTuple):
    """The first line of a file that is not what the receipts give."""

    place: str
    shown: str
    measured: str

    def __str__(self) -> str:
        """Return the difference in one line."""
        return f"{self.place}: reads {self.shown!r}, the receipts give {self.measured!r}"


def read(file: Path) -> Claims:
    """Return what is claimed; raises ClaimsError where the file is not of its form."""
    try:
        return Claims.model_validate(tomllib.loads(file.read_text()))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ClaimsError(f"{file.name} cannot be read: {error}") from error


def rendered(root: Path) -> dict[Path, str]:
    """Return README.md, docs/measured.md and docs/reliability.md of a checkout as its claims and
    receipts have them.
    """
    claims, receipts = read(root / CLAIMS), Receipts(root / RECEIPTS)
    blocks = {README: claims.readme, RELIABILITY: claims.reliability}
    return {
        **{root / file: with_block(root / file, lines, receipts) for file, lines in blocks.items() if lines or file == README},
        root / PAGE: page(claims, receipts, root / RECEIPTS),
    }


def with_block(file: Path, lines: list[str], receipts: Receipts) -> str:
    """Return a file's text with its measured lines as the receipts have them; raises ClaimsError
    where it has no place for them.
    """
    text = file.read_text()
    if not BLOCK.search(text):
        raise ClaimsError(f"{file.name} has no place for figures: put <!-- measured --> and <!-- /measured --> around it.")
    block = "".join(f"- {line.format_map(receipts)}\n" for line in lines)
    return BLOCK.sub(lambda found: f"{found[1]}{block}{found[2]}", text)


def page(claims: Claims, receipts: Receipts, folder: Path) -> str:
    """Return docs/measured.md."""
    tables = (
        f"\n## {section.title}\n\n| what | how much | goal |\n| --- | --- | --- |\n"
        + "".join(
            f"| {each.what} | {each.figure.format_map(receipts)} | {_goal(each, receipts)} |\n" for each in section.figures
        )
        for section in claims.sections
    )
    return HEAD + "".join(tables) + _sources(folder)


def _goal(figure: Figure, receipts: Receipts) -> str:
    if figure.goal is None:
        return "none set"
    return f"{figure.goal}: {'met' if all(_holds(bound, receipts) for bound in figure.bounds) else 'not met'}"


def _holds(bound: str, receipts: Receipts) -> bool:
    """Return whether a bound holds: a metric beside a number or beside another metric."""
    parsed = BOUND.fullmatch(bound)
    assert parsed  # noqa: S101 - Figure has looked
    limit = parsed["limit"]
    other = float(limit) if re.fullmatch(r"[\d.]+", limit) else float(f"{{{limit}}}".format_map(receipts))
    return COMPARISONS[parsed["comparison"]](getattr(receipts[parsed["receipt"]], parsed["metric"]), other)


def _sources(folder: Path) -> str:
    """Return which receipt was measured when, on which commit and machine."""
    files = sorted(file for file in folder.glob("*.json") if ".failed-" not in file.name)
    rows = "".join(
        f"| `{WRITTEN_BY_TESTS.get(file.stem, f'make bench NAME={file.stem}')}` | {receipt.origin(file)} |\n" for file in files
    )
    return f"\n## Where the figures come from\n\n| command | commit | day | machine |\n| --- | --- | --- | --- |\n{rows}"


def stale(root: Path) -> Iterator[Stale]:
    """Yield for each file of a checkout the first line that is not what was measured."""
    for file, text in rendered(root).items():
        shown = file.read_text().splitlines() if file.exists() else []
        for number, (line, expected) in enumerate(zip_longest(shown, text.splitlines(), fillvalue=""), 1):
            if line != expected:
                yield Stale(f"{file.relative_to(root)}:{number}", line, expected)
                break


def check(root: Path) -> bool:
    """Name each stale file below `root` and return whether there is one."""
    found = list(stale(root))
    for difference in found:
        err.print(f"  [red]✗[/] {escape(str(difference))}", highlight=False, soft_wrap=True)
    if found:
        err.print("Run `make claims`.")
    return bool(found)


def render(root: Path) -> None:
    """Bring the files below `root` up to date and print where that changed something."""
    for file, text in rendered(root).items():
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            out.print(f"  {file.relative_to(root)}: figures brought up to date", highlight=False)


def main(
    only_check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if a figure is stale.")] = False,
    root: Annotated[Path, typer.Option(help="The checkout to look at.")] = ROOT,
) -> None:
    """Write the receipts' figures into README.md and docs/measured.md."""
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
