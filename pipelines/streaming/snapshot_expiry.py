"""Expires the snapshots of a table that no query needs: neither one that reads the table nor the
one that writes it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.lake import iceberg
from pipelines.streaming.checkpoints import QUERY_IDS, Checkpoint, TableCheckpoint
from pipelines.table import Table

log = logs.get(__name__)

KEPT_AT_LEAST = 20
HELD_TOO_LONG = timedelta(hours=1)
EVERYTHING = 0  # milliseconds since 1970: what is needed from then on is all there is


def expire_snapshots(spark: SparkSession, table: Table, readers: Iterable[Table]) -> None:
    """Expire the snapshots of a table that are old and that no query needs, and remove the files
    that only they had.

    A reader, a table whose query reads this one as a stream, needs them from the one it has come
    to; the query that writes the table needs the last one it made, by which it knows a batch that
    it has committed; people who query the table need what they have begun to read for as long as
    `[upkeep] snapshots_kept_s`.
    """
    found = iceberg.loaded(spark, table)
    if found.currentSnapshot() is None:
        return
    recent = _ms(datetime.now(UTC)) - int(settings().upkeep.snapshots_kept_s * 1000)
    needed = {table.name: _last_made(found, TableCheckpoint(spark, table).owner())}
    needed |= {reader.name: _read_until(spark, found, table, reader) for reader in readers}
    _warn_of_laggards(table, needed)
    # Iceberg's procedure would run three Spark jobs for what its library does in a moment.
    found.expireSnapshots().expireOlderThan(min(recent, *needed.values())).retainLast(KEPT_AT_LEAST).commit()


def _last_made(found: Any, owner: str | None) -> int:
    """Return when the query that writes a table last committed, milliseconds since 1970."""
    made = (each for each in iceberg.ancestors(found) if owner in map(each.summary().get, QUERY_IDS))
    newest = next(made, None) if owner else None
    return int(newest.timestampMillis()) if newest else EVERYTHING


def _read_until(spark: SparkSession, found: Any, table: Table, reader: Table) -> int:
    """Return when the last snapshot was made that the query of `reader` has read whole,
    milliseconds since 1970.
    """
    checkpoint = Checkpoint(spark, reader.name)
    offsets = checkpoint.committed_tables()
    if not offsets:
        begun = checkpoint.began_at(reader.made_from.index(table.name))
        if begun is None:
            # It has not begun: pipelines.streaming.first_batch shows it the whole table when it
            # does.
            return _ms(datetime.now(UTC))
        offsets = [begun]
    at = next(filter(None, (found.snapshot(offset.snapshot_id) for offset in offsets)), None)
    if at is None:
        return EVERYTHING
    before = found.snapshot(at.parentId()) if at.parentId() is not None else None
    return int((before or at).timestampMillis())


def _warn_of_laggards(table: Table, needed: dict[str, int]) -> None:
    for name, since in needed.items():
        if since != EVERYTHING and _ms(datetime.now(UTC) - HELD_TOO_LONG) > since:
            log.warning("snapshots_held", table=table.name, needed_by=name, since=datetime.fromtimestamp(since / 1000, UTC))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
