"""The Makefile's verbs, and that what installs the packages is what the lock says."""

import re
import subprocess

import pytest

from pipelines.base.paths import ROOT

pytestmark = pytest.mark.programs

SECTIONS = {
    "Start": ["demo", "up", "down", "install", "doctor"],
    "Look": ["status", "sql", "screenshot"],
    "Data": ["contracts", "balance", "quarantine", "quarantine-replay", "rebuild", "recompute", "skip", "recover"],
    "Models": ["train", "promote", "replay", "index", "promote-index"],
    "Upkeep": ["tend", "rebuild-store", "clean"],
    "Develop": ["test", "test-unit", "faults", "lint", "bench", "claims", "docs", "help"],
}
VERBS = [verb for verbs in SECTIONS.values() for verb in verbs]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_make_alone_lists_every_verb_with_a_sentence() -> None:
    listed = dict(re.findall(r"^  make (\S+)\s+(\S.*)$", make().stdout, flags=re.M))
    assert list(listed) == VERBS
    assert min(map(len, listed.values())) > 10


def test_verbs_are_listed_in_sections_on_lines_that_a_terminal_holds() -> None:
    shown = make("help").stdout
    titled = re.findall(r"^(\w+)\n((?:  make .*\n)+)", shown, flags=re.M)
    assert {title: re.findall(r"^  make (\S+)", verbs, flags=re.M) for title, verbs in titled} == SECTIONS
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_a_rule_that_make_accepts(verb: str) -> None:
    assert make("--dry-run", verb).returncode == 0


def test_a_decision_is_handed_on_only_where_it_is_made() -> None:
    refused = ("--dry-run", "quarantine-replay", "TOPIC=shop.orders", "REASON=event_at_in_the_future")
    assert "--as" not in make(*refused).stdout
    assert '--as "arrival-time"' in make(*refused, "AS=arrival-time").stdout


def test_uv_is_installed_in_the_version_and_with_the_hashes_of_the_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = (ROOT / "requirements-uv.lock").read_text().partition("\n")[2]
    assert pinned.startswith("uv==")
    assert pinned.strip() in lock


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-uv.lock"])
def test_no_lock_names_a_place_to_download_from(file: str) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url", (ROOT / file).read_text())


def test_without_an_environment_a_verb_says_what_to_do() -> None:
    refused = make("status", "PYTHON=nowhere/python")
    assert refused.returncode != 0
    assert "run make install" in refused.stderr
