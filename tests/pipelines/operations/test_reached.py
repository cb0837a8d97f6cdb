"""How far silver and quarantine have come, from their checkpoints and the snapshots of bronze."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.table import Table as IcebergTable

from pipelines.base.errors import StaleRead
from pipelines.operations.reached import examined_snapshot, refined_until
from pipelines.streaming.commits import ArrowCommits
from pipelines.streaming.offsets import TableOffset

ROWS = pa.table({"offset": pa.array([1, 2], pa.int64())})


@pytest.fixture
def bronze(tmp_path: Path) -> Iterator[IcebergTable]:
    """A table with two snapshots, of a file each."""
    catalogue = InMemoryCatalog("lake", warehouse=f"file://{tmp_path}")
    catalogue.create_namespace("bronze")
    table = catalogue.create_table("bronze.events", ROWS.schema)
    table.append(ROWS)
    table.append(ROWS)
    yield table
    catalogue.close()


def test_a_snapshot_counts_as_examined_once_all_its_files_are_read(bronze: IcebergTable) -> None:
    before, last = (each.snapshot_id for each in bronze.snapshots())
    assert examined_snapshot(None, bronze) is None
    assert examined_snapshot(TableOffset(-1, -1, scan_all_files=False), bronze) is None, "it began with an empty table"
    assert examined_snapshot(TableOffset(last, 1, scan_all_files=False), bronze) == last
    assert examined_snapshot(TableOffset(last, 0, scan_all_files=False), bronze) == before
    assert examined_snapshot(TableOffset(before, 0, scan_all_files=False), bronze) is None


def test_one_that_is_read_whole_has_all_files_of_the_table(bronze: IcebergTable) -> None:
    last = bronze.snapshots()[-1].snapshot_id
    assert examined_snapshot(TableOffset(last, 1, scan_all_files=True), bronze) is None
    assert examined_snapshot(TableOffset(last, 2, scan_all_files=True), bronze) == last


def test_a_snapshot_that_is_gone_is_said_to_have_expired(bronze: IcebergTable) -> None:
    with pytest.raises(StaleRead, match=r"Snapshot 1 of bronze\.events, up to which quarantine has looked, has expired"):
        examined_snapshot(TableOffset(1, 1, scan_all_files=False), bronze)


def test_a_recovered_query_has_come_to_where_it_will_begin_until_it_commits(own_settings: Path) -> None:
    start = '{"shop.reviews": {"0": 7}}'
    commits = ArrowCommits("silver.reviews")
    assert refined_until(commits, None, "shop.reviews") == {}
    assert refined_until(commits, start, "shop.reviews") == {0: 7}
    for name in ("commits", "offsets"):
        (own_settings / "checkpoints" / "silver.reviews" / name).mkdir(parents=True)
        (own_settings / "checkpoints" / "silver.reviews" / name / "0").write_text('v1\n{}\n{"shop.reviews":{"0":9}}')
    assert refined_until(commits, start, "shop.reviews") == {0: 9}
