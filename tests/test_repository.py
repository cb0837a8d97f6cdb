"""What is true of the repository as a whole: nothing of one machine in it, and documents that name
what there is.
"""

import re
import subprocess
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT
from pipelines.contracts.schemas import topics
from pipelines.tables import TABLES

BINARY = {".png", ".jpg", ".gz", ".zip", ".parquet", ".ubj"}
# Written apart, so that this file does not hold what it looks for.
REGISTRY_HOSTS = re.compile(
    r"pypi\." + r"org|pythonhosted\." + r"org|repo1?\.maven\.|artifact" + r"ory|/simp" + r"le/|index-" + r"url[= ]\S*://",
    re.IGNORECASE,
)
MACHINE_PATHS = re.compile(r"/ho" + r"me/\w|/ro" + r"ot/|/wo" + r"rk/|/Us" + r"ers/\w")


def tracked() -> list[Path]:
    """Every text file that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.suffix not in BINARY and file.is_file()]


def holding(pattern: re.Pattern[str]) -> list[str]:
    """Places in tracked files where the pattern is found."""
    lines = ((file, n, line) for file in tracked() for n, line in enumerate(file.read_text().splitlines(), 1))
    return [f"{file.relative_to(ROOT)}:{n}: {line.strip()[:120]}" for file, n, line in lines if pattern.search(line)]


def test_no_file_names_a_package_registry() -> None:
    assert holding(REGISTRY_HOSTS) == []


def test_no_file_names_a_place_on_one_machine() -> None:
    assert holding(MACHINE_PATHS) == []


def test_the_patterns_find_what_they_are_for() -> None:
    assert REGISTRY_HOSTS.search("--index-" + "url=https://x")
    assert REGISTRY_HOSTS.search("https://pypi." + "org")
    assert MACHINE_PATHS.search("/ho" + "me/ada/x")
    assert not MACHINE_PATHS.search("/var/lib/tidemark")


def documents() -> list[Path]:
    """README and everything in docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def settled_documents() -> list[Path]:
    """Documents that speak of what there is: how-to pages name what they add, and are followed by
    tests of their own.
    """
    return [document for document in documents() if document.parent.name != "how-to"]


def verbs() -> set[str]:
    """The verbs of the Makefile."""
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def named_in(*files: Path) -> set[str]:
    """Every verb that the files say to make; a verb stands in code: `make up`, or a line of its own
    in a block.
    """
    return {verb for file in files for verb in re.findall(r"(?:`|^)make ([a-z-]+)", file.read_text(), re.MULTILINE)}


def test_every_verb_that_a_document_names_exists() -> None:
    assert named_in(*documents()) - verbs() == set()


def test_every_verb_is_explained() -> None:
    assert verbs() - named_in(ROOT / "README.md", ROOT / "docs" / "operations.md") == set()


def test_every_verb_that_an_error_names_exists() -> None:
    code = [file for file in tracked() if file.suffix == ".py" and "tests" not in file.parts]
    assert named_in(*code) - verbs() == set()


LINK = re.compile(r"(?<!\!)\[[^\]]+\]\((?!https?:)([^)#]+)|!\[[^\]]*\]\(([^)]+)\)|src=\"([^\"]+)\"")


@pytest.mark.parametrize("document", documents(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    targets = [next(filter(None, found)) for found in LINK.findall(document.read_text())]
    assert [target for target in targets if not (document.parent / target).exists()] == []


PATH = re.compile(r"`((?:pipelines|jobs|stack|simulator|dashboards|benchmarks|conf|docs|tests)/[\w./*-]+)`")


@pytest.mark.parametrize("document", settled_documents(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    named = set(PATH.findall(document.read_text()))
    assert {path for path in named if not list(ROOT.glob(path.rstrip("/")))} == set()


def test_the_operations_page_names_every_job() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    jobs = {str(file.relative_to(ROOT)) for file in (ROOT / "jobs").rglob("[a-z]*.py")}
    assert jobs
    assert {job for job in jobs if f"`{job}`" not in text} == set()


def test_the_documents_name_no_table_or_topic_that_does_not_exist() -> None:
    known = {*TABLES, *topics()}
    for document in settled_documents():
        named = set(re.findall(r"`((?:bronze|silver|gold|shop)\.[a-z_]+)`", document.read_text()))
        assert named - known == set(), document.name


def test_the_glossary_has_each_word_once_in_alphabetical_order() -> None:
    words = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)[2:]
    assert len(words) > 80
    assert words == sorted(set(words), key=str.lower)


# A measured figure: a number with a unit of time, rate, size or share. Ports, versions and
# definitions have none of these.
FIGURE = re.compile(r"\b\d[\d,.]*\s?(?:ms|MB|GB|GiB|%|(?:rows|events|payments|records)(?:/s| a second| per second))(?!\w)")


def test_the_readme_has_no_figure_that_is_not_a_claim() -> None:
    readme = re.sub(r"<!-- measured.*?<!-- /measured -->", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert FIGURE.findall(re.sub(r"`[^`]*`", "", readme)) == []


def test_every_test_that_the_page_on_reliability_names_exists() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text()
    for row in text.splitlines():
        file = ""
        for place in re.findall(r"`((?:tests/[\w/]+\.py)?(?:::\w+)?)`", row):
            file, _, name = (
                (place or "::").partition("::") if place.startswith("tests/") else (file, "", place.removeprefix("::"))
            )
            if file:
                source = (ROOT / file).read_text()
                assert not name or f"def {name}(" in source, f"{file} has no {name}"
