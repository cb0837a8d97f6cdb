"""Snapshots are forgotten, and no query notices: neither one that reads the table nor the one that
writes it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from number_tables import EARLY, LATE, NUMBERS, Numbers, drop, environment, rows
from pyspark.sql import SparkSession

from pipelines.base.settings import settings
from pipelines.streaming import snapshot_expiry

STEPS = st.lists(st.sampled_from(("write", "compact", "forget", "read")), min_size=1, max_size=6)


@pytest.fixture
def numbers(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    """A table of numbers without a row, whose old snapshots are forgotten as soon as nobody needs
    them.
    """
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(snapshot_expiry, "KEPT_AT_LEAST", 1)
    settings.cache_clear()
    drop(spark)
    yield Numbers(spark, own_settings / "numbers")
    drop(spark)


@example(steps=["write", "read", "write", "compact", "write", "forget", "write", "compact", "forget"])
@given(steps=STEPS)
@hypothesis_settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_reader_reads_every_row_once_whatever_is_compacted_and_forgotten(numbers: Numbers, steps: list[str]) -> None:
    drop(numbers.spark)
    shutil.rmtree(settings().checkpoints.path, ignore_errors=True)
    numbers.folder, numbers.written = numbers.folder.with_name(uuid4().hex), 0
    actions = {"write": lambda: numbers.write(2), "compact": numbers.compact, "forget": numbers.forget}
    for step in steps:
        actions.get(step, lambda: numbers.read(EARLY))()
    numbers.write()
    expected = list(range(numbers.written))
    assert numbers.read(EARLY) == expected
    assert numbers.read(LATE) == expected
    numbers.write()
    assert numbers.read(LATE) == [*expected, numbers.written - 1]


def test_what_everybody_has_read_is_forgotten(numbers: Numbers) -> None:
    numbers.write(8)
    numbers.read(EARLY)
    assert numbers.snapshots() == 8
    numbers.forget()
    assert numbers.snapshots() == 2, "the one that the reader has come to, and the one before, which it may have read in part"


def test_forgotten_snapshots_take_their_files_with_them_and_no_row(numbers: Numbers) -> None:
    numbers.write(3)
    files = [Path(row["file_path"].removeprefix("file:")) for row in numbers.spark.table(f"{NUMBERS.name}.files").collect()]
    numbers.compact()
    numbers.write()
    numbers.read(EARLY)
    assert all(file.exists() for file in files)
    numbers.write(2)
    numbers.read(EARLY)
    numbers.forget()
    assert not any(file.exists() for file in files)
    assert rows(numbers.spark, NUMBERS) == [0, 1, 2, 3, 4, 5]


def test_a_state_that_is_tagged_is_kept(numbers: Numbers) -> None:
    numbers.write(2)
    numbers.spark.sql(f"ALTER TABLE {NUMBERS.name} CREATE TAG audited")
    numbers.compact()
    numbers.write(2)
    numbers.read(EARLY)
    numbers.forget()
    assert numbers.snapshots() == 3
    audited = numbers.spark.read.option("versionAsOf", "audited").table(NUMBERS.name)
    assert sorted(row["number"] for row in audited.collect()) == [0, 1]
    assert rows(numbers.spark, NUMBERS) == [0, 1, 2, 3]


def test_what_a_reader_has_not_read_is_kept(numbers: Numbers) -> None:
    numbers.write(2)
    numbers.read(EARLY)
    numbers.write(5)
    numbers.compact()
    numbers.forget()
    assert numbers.snapshots() == 8
    assert numbers.read(EARLY) == list(range(7))


def test_a_reader_that_began_before_there_was_a_row_keeps_all(numbers: Numbers) -> None:
    numbers.compact()
    numbers.read(EARLY)
    numbers.write(4)
    numbers.forget()
    assert numbers.snapshots() == 4
    assert numbers.read(EARLY) == list(range(4))


def test_the_query_that_writes_knows_what_it_committed_before_it_was_killed(numbers: Numbers) -> None:
    numbers.write(3)
    for _ in range(3):
        numbers.compact()
    numbers.forget()
    commits = Path(settings().checkpoints.path) / NUMBERS.name / "commits"
    for file in (commits / "2", commits / ".2.crc"):
        file.unlink()
    numbers.write_again()
    assert numbers.read(LATE) == [0, 1, 2]
