"""A power cut leaves files of a checkpoint empty or torn: the start names them, and recovering
loses nothing and doubles nothing, whichever they are.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import number_tables
import pytest
from number_tables import EARLY, NUMBERS, Numbers, run
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import CheckpointError
from pipelines.base.settings import settings
from pipelines.lake import catalog
from pipelines.operations import repair
from pipelines.streaming.checkpoint_folder import CheckpointFolder
from pipelines.streaming.checkpoints import TableCheckpoint, TopicCheckpoint
from pipelines.streaming.commits import ArrowCommits
from pipelines.streaming.damage import damaged, step_over
from pipelines.streaming.offsets import PlannedBatch
from pipelines.streaming.reads import read_table
from pipelines.streaming.writes import upsert
from pipelines.table import Column, Merge, Table

COLUMNS = (Column("parity", "int", "What is left when halved."), Column("total", "bigint", "The sum of the numbers."))
SUMS = Table("gold.sums", "One row per parity.", COLUMNS, ("parity",), Merge(), made_from=(NUMBERS.name,))
NULS = b"\0" * 40


@pytest.fixture
def numbers(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    """Three numbers in a table of numbers, whose readers take one a batch."""
    for name, value in number_tables.environment().items():
        monkeypatch.setenv(name, value)
    for key, value in {"TRIGGER": "0 seconds", "ROWS_PER_BATCH": "1"}.items():
        monkeypatch.setenv(f"TIDEMARK_STREAMS__{SUMS.name.upper()}__{key}", value)
    settings.cache_clear()
    tables = (*number_tables.TABLES, SUMS)
    number_tables.drop(spark, tables)
    made = Numbers(spark, own_settings / "files")
    made.write(3)
    yield made
    number_tables.drop(spark, tables)


def spoil(folder: Path, *names: str, content: bytes = b"") -> None:
    """Leave files as a power cut does: the names are there, and the checksums beside them."""
    for name in names:
        assert (folder / name).stat().st_size
        (folder / name).write_bytes(content)


def unfinished(folder: Path, spark: SparkSession) -> None:
    """Take back that the last batch is committed."""
    for name in ("2", ".2.crc"):
        (folder / "commits" / name).unlink()


def unwritten(folder: Path, spark: SparkSession) -> None:
    """Take back that the last batch was committed, and written."""
    unfinished(folder, spark)
    newest, before = catalog.snapshots(spark, EARLY).orderBy(F.desc("committed_at")).limit(2).collect()
    assert newest["parent_id"] == before["snapshot_id"]
    spark.sql(f"CALL lake.system.rollback_to_snapshot('{EARLY.name}', {before['snapshot_id']})").collect()
    spark.sql(f"CALL lake.system.expire_snapshots(table => '{EARLY.name}', snapshot_ids => ARRAY({newest['snapshot_id']}))")


REFILLED = "filled again from the beginning of silver.numbers"


@pytest.mark.parametrize(
    ("names", "content", "before", "how"),
    [
        (["commits/2", "metadata"], b"", None, "batch 2 is done again as it was planned"),
        (["commits/1"], NULS, unfinished, "batch 1 was done"),
        (["offsets/2"], b"", unwritten, "what came after batch 1 is planned anew"),
        (["offsets/2"], b"", unfinished, REFILLED),
        (["offsets/1", "offsets/2", "commits/1", "commits/2"], NULS, None, REFILLED),
        (["sources/0/offsets/0"], NULS, None, "nothing is done again"),
    ],
    ids=["commit and id", "commit before a planned batch", "planned", "planned and written", "several", "beginning"],
)
def test_an_appended_table_has_every_row_once_whichever_file_was_spoilt(
    spark: SparkSession,
    numbers: Numbers,
    own_settings: Path,
    names: list[str],
    content: bytes,
    before: Callable[[Path, SparkSession], None] | None,
    how: str,
) -> None:
    assert numbers.read(EARLY) == [0, 1, 2]
    folder = own_settings / "checkpoints" / EARLY.name
    if before:
        before(folder, spark)
    spoil(folder, *names, content=content)

    with pytest.raises(CheckpointError, match=rf"is damaged.*{names[0]}.*make recover TABLE=gold\.early"):
        TableCheckpoint(spark, EARLY).claim()

    assert how in repair.recover(spark, EARLY)
    numbers.write()
    assert numbers.read(EARLY) == [0, 1, 2, 3]


def sum_up(spark: SparkSession) -> dict[int, int]:
    """Let the query of the sums, which has a state, take in what there is; return them."""
    rows = read_table(spark, NUMBERS, SUMS)
    summed = rows.groupBy((F.col("number") % 2).alias("parity")).agg(F.sum("number").alias("total"))
    run(upsert(summed, SUMS))
    return {row["parity"]: row["total"] for row in catalog.fresh(spark, SUMS).collect()}


@pytest.mark.parametrize(
    ("names", "how"),
    [
        (["offsets/2", "commits/2"], "what came after batch 1 is planned anew"),
        (["offsets/1", "offsets/2", "commits/2"], "what came after batch 0 is planned anew"),
        (["state"], "merged again from the beginning of silver.numbers"),
    ],
)
def test_a_merged_table_sums_up_as_if_nothing_had_happened(
    spark: SparkSession, numbers: Numbers, own_settings: Path, names: list[str], how: str
) -> None:
    assert sum_up(spark) == {0: 2, 1: 1}
    folder = own_settings / "checkpoints" / SUMS.name
    if names == ["state"]:
        names = [str(next((folder / "state" / "0" / "0").glob("3.*")).relative_to(folder))]
    spoil(folder, *names)
    with pytest.raises(CheckpointError, match=r"is damaged.*make recover TABLE=gold\.sums"):
        sum_up(spark)
    assert how in repair.recover(spark, SUMS)
    numbers.write(2)
    assert sum_up(spark) == {0: 6, 1: 4}


def test_a_good_checkpoint_is_not_damaged_and_not_recovered(spark: SparkSession, numbers: Numbers, own_settings: Path) -> None:
    numbers.read(EARLY)
    sum_up(spark)
    (own_settings / "checkpoints" / EARLY.name / "offsets" / ".3.tmp").touch()  # was being written
    leftover = own_settings / "checkpoints" / SUMS.name / "state" / "0" / "0" / "SSTs" / "of-a-kill.sst"
    leftover.parent.mkdir(exist_ok=True)
    leftover.touch()
    assert damaged(CheckpointFolder(spark, SUMS.name), is_stopped=True) == ["state/0/0/SSTs/of-a-kill.sst"]
    assert damaged(CheckpointFolder(spark, SUMS.name)) == []
    leftover.unlink()
    for table in (EARLY, SUMS):
        assert damaged(CheckpointFolder(spark, table.name)) == []
        with pytest.raises(CheckpointError, match="is there and is kept"):
            repair.recover(spark, table)


def test_a_reader_whose_snapshot_is_gone_is_refused_and_recovered(
    spark: SparkSession, numbers: Numbers, own_settings: Path
) -> None:
    numbers.read(EARLY)
    spark.sql(f"DROP TABLE {NUMBERS.name}")
    (own_settings / "checkpoints" / NUMBERS.name).rename(own_settings / "away")
    numbers.write_again()
    with pytest.raises(CheckpointError, match=r"read silver\.numbers up to a snapshot that is not there any more"):
        numbers.read(EARLY)
    repair.recover(spark, EARLY)
    assert numbers.read(EARLY) == [0, 1, 2]


@pytest.mark.parametrize("read", [lambda commits: commits.committed(), lambda commits: commits.clock_ms(1)])
def test_whoever_reads_a_damaged_checkpoint_is_told_the_verb(
    own_settings: Path, read: Callable[[ArrowCommits], object]
) -> None:
    for log in ("offsets", "commits"):
        folder = own_settings / "checkpoints" / "silver.orders" / log
        folder.mkdir(parents=True)
        (folder / "7").touch()
    with pytest.raises(CheckpointError, match=r"offsets/7 cannot be read. Run `make recover TABLE=silver\.orders`"):
        read(ArrowCommits("silver.orders"))


def test_the_clock_of_a_query_never_goes_back(own_settings: Path) -> None:
    commits = ArrowCommits("silver.orders")
    assert commits.clock_ms(100) == 0
    logs = {
        "offsets/7": 'v1\n{"batchTimestampMs":5000,"batchWatermarkMs":3000}\n{}',
        "commits/7": 'v1\n{"nextBatchWatermarkMs":4950}',
    }
    for name, text in logs.items():
        file = own_settings / "checkpoints" / "silver.orders" / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    assert (commits.clock_ms(10), commits.clock_ms(100), commits.clock_ms(2100)) == (5000, 5050, 7050)


def test_a_scorer_s_damaged_commit_is_stepped_over_and_its_damaged_id_is_not(spark: SparkSession, own_settings: Path) -> None:
    folder = own_settings / "checkpoints" / "tidemark.fraud_scores"
    TopicCheckpoint(spark, "tidemark.fraud_scores", written=7).begin()
    planned = 'v1\n{"batchWatermarkMs":0,"batchTimestampMs":5,"conf":{}}\n{"shop.payments":{"0":3}}'
    for name, content in {"offsets/0": planned, "offsets/1": planned, "commits/0": "v1\n{}", "commits/1": ""}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    checkpoint = TopicCheckpoint(spark, "tidemark.fraud_scores", written=9)
    with pytest.raises(CheckpointError, match=r"is damaged.*commits/1"):
        checkpoint.claim()
    assert step_over(checkpoint, None, None, is_merged=False) == "batch 1 is done again as it was planned"
    assert checkpoint.numbers("commits") == [0]
    checkpoint.claim()
    spoil(folder, "metadata")
    assert step_over(checkpoint, None, None, is_merged=False) is None


@pytest.mark.parametrize("text", ["", "v1", "v1\n", "v1\n{}", "v1\n{\n{}", "\0\0\0"])
def test_what_spark_did_not_write_is_no_batch(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        PlannedBatch.from_log(text)


def test_a_checkpoint_older_than_its_table_is_refused_because_its_next_batch_would_be_left_out(
    spark: SparkSession, numbers: Numbers, own_settings: Path
) -> None:
    assert numbers.read(EARLY) == [0, 1, 2]
    for log in ("offsets", "commits"):
        for name in ("2", ".2.crc"):
            (own_settings / "checkpoints" / EARLY.name / log / name).unlink()

    with pytest.raises(CheckpointError, match=r"is older than what the table holds.*make recover TABLE=gold\.early"):
        TableCheckpoint(spark, EARLY).claim()

    assert REFILLED in repair.recover(spark, EARLY)
    numbers.write(2)
    assert numbers.read(EARLY) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("gone", ["1", "2"])
def test_a_batch_that_is_gone_from_the_log_is_named_and_recovered(
    spark: SparkSession, numbers: Numbers, own_settings: Path, gone: str
) -> None:
    assert sum_up(spark) == {0: 2, 1: 1}
    (own_settings / "checkpoints" / SUMS.name / "offsets" / gone).unlink()

    with pytest.raises(CheckpointError, match=rf"is damaged.*offsets/{gone} cannot be read"):
        TableCheckpoint(spark, SUMS).claim()

    assert "is planned anew" in repair.recover(spark, SUMS)
    numbers.write()
    assert sum_up(spark) == {0: 2, 1: 4}


def test_a_reader_of_a_table_that_was_rolled_back_is_filled_again(
    spark: SparkSession, numbers: Numbers, own_settings: Path
) -> None:
    assert numbers.read(EARLY) == [0, 1, 2]
    first = catalog.snapshots(spark, NUMBERS).orderBy("committed_at").first()
    assert first
    spark.sql(f"CALL lake.system.rollback_to_snapshot('{NUMBERS.name}', {first['snapshot_id']})").collect()

    with pytest.raises(CheckpointError, match=r"has read silver\.numbers up to a snapshot that .* was taken back"):
        TableCheckpoint(spark, EARLY).claim()

    assert REFILLED in repair.recover(spark, EARLY)
    there = number_tables.rows(spark, NUMBERS)
    assert len(there) == 1
    assert numbers.read(EARLY) == there
