"""A table of which files are damaged goes back to its newest state of which all are whole."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import TableDamaged
from pipelines.lake import table_files
from pipelines.table import Append, Column, Table

TABLE = Table("silver.numbers", "One row per number.", (Column("number", "bigint", "A number."),), ("number",), Append())


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[SqlCatalog]:
    """A catalogue in a database, and in it the table with three numbers, appended one by one."""
    made = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/catalogue.db", warehouse=f"file://{tmp_path}/warehouse")
    made.create_namespace("silver")
    table = made.create_table(TABLE.name, pa.schema([("number", pa.int64())]))
    for number in range(3):
        table.append(pa.table({"number": [number]}))
    yield made
    made.close()


def files(catalogue: SqlCatalog, back: int, kind: str) -> list[Path]:
    """Return the files of a kind that the state has which was the newest so many commits ago."""
    table = catalogue.load_table(TABLE.name)
    states = [*(entry.metadata_file for entry in table.metadata.metadata_log), table.metadata_location]
    snapshot = list(reversed(table.snapshots()))[back]
    (newest,) = [each for each in snapshot.manifests(table.io) if each.added_snapshot_id == snapshot.snapshot_id]
    places = {
        "metadata": states[-1 - back],
        "manifest list": snapshot.manifest_list,
        "manifest": newest.manifest_path,
        "data": newest.fetch_manifest_entry(table.io)[0].data_file.file_path,
    }
    return [Path(places[kind].removeprefix("file://"))]


def numbers(catalogue: SqlCatalog) -> list[int]:
    return sorted(catalogue.load_table(TABLE.name).scan().to_arrow()["number"].to_pylist())


def mended(catalogue: SqlCatalog) -> tuple[str, ...]:
    """Have the table go back, and return which files were damaged."""
    state = table_files.newest_whole(catalogue, TABLE)
    assert state is not None
    table_files.go_back(catalogue, TABLE, state)
    return state.damaged


def test_a_whole_table_stays_as_it_is(catalogue: SqlCatalog) -> None:
    before = catalogue.load_table(TABLE.name).metadata_location
    assert mended(catalogue) == ()
    assert catalogue.load_table(TABLE.name).metadata_location == before


@pytest.mark.parametrize("content", [b"", None, "torn"], ids=["empty", "gone", "torn"])
@pytest.mark.parametrize("kind", ["metadata", "manifest list", "manifest", "data"])
def test_a_table_goes_back_behind_a_damaged_file(catalogue: SqlCatalog, kind: str, content: bytes | str | None) -> None:
    (damaged,) = files(catalogue, 0, kind)
    if content is None:
        damaged.unlink()
    else:
        damaged.write_bytes(b"\0" * damaged.stat().st_size if content == "torn" else b"")
    (named,) = mended(catalogue)
    assert named.endswith(damaged.name)
    assert numbers(catalogue) == [0, 1]
    catalogue.load_table(TABLE.name).append(pa.table({"number": [7]}))
    assert numbers(catalogue) == [0, 1, 7]


def test_a_table_goes_back_as_many_commits_as_it_must(catalogue: SqlCatalog) -> None:
    for back in (0, 1):
        (damaged,) = files(catalogue, back, "data")
        damaged.write_bytes(b"")
    assert len(mended(catalogue)) == 2
    assert numbers(catalogue) == [0]


def test_of_several_states_that_cannot_be_read_all_are_passed_over(catalogue: SqlCatalog) -> None:
    for damaged in [*files(catalogue, 0, "metadata"), *files(catalogue, 1, "metadata")]:
        damaged.write_bytes(b"")
    mended(catalogue)
    assert numbers(catalogue) == [0]


def test_a_table_of_which_nothing_is_whole_names_the_file(catalogue: SqlCatalog, tmp_path: Path) -> None:
    for each in (tmp_path / "warehouse").rglob("*.metadata.json"):
        each.write_bytes(b"")
    with pytest.raises(TableDamaged, match=r"No state of silver\.numbers is whole, the newest lacks \S+\.metadata\.json"):
        table_files.newest_whole(catalogue, TABLE)


def test_what_spark_writes_is_whole_and_what_is_cut_short_of_it_is_named(spark: SparkSession) -> None:
    spark.sql("CREATE TABLE gold.whole (number int) USING iceberg TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')")
    try:
        spark.range(9).selectExpr("CAST(id AS int) AS number").coalesce(1).writeTo("gold.whole").append()
        spark.sql("DELETE FROM gold.whole WHERE number = 3")
        io, newest = PyArrowFileIO(), metadata_of(spark, "gold.whole")
        assert table_files.fault(io, newest) is None
        paths = [row["file_path"] for row in spark.table("gold.whole.all_files").collect()]
        assert len(paths) == 2  # rows, and which of them are deleted
        for path in paths:
            file = Path(path.removeprefix("file:"))
            content = file.read_bytes()
            file.write_bytes(content[:-1])
            assert table_files.fault(PyArrowFileIO(), newest) == path
            file.write_bytes(content)
    finally:
        spark.sql("DROP TABLE gold.whole")


def metadata_of(spark: SparkSession, table: str) -> str:
    """Return where the newest metadata of a table is."""
    newest = spark.table(f"{table}.metadata_log_entries").orderBy(F.desc("timestamp"), F.desc("file")).first()
    assert newest is not None
    return str(newest["file"])


def test_a_table_that_is_not_there_is_not_damaged(catalogue: SqlCatalog) -> None:
    catalogue.drop_table(TABLE.name)
    assert table_files.newest_whole(catalogue, TABLE) is None
