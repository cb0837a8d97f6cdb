"""Finds whether the files of a table are whole, and goes back to the newest state of the table of
which all are: a power cut leaves files that were renamed and never synced empty or torn, while the
catalogue's database names them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pyarrow import fs
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import ValidationError
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, FileFormat
from pyiceberg.serializers import FromInputFile
from pyiceberg.table.metadata import TableMetadata
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from pipelines.base.errors import TableDamaged
from pipelines.table import Table

PARQUET_ENDS_WITH = b"PAR1"
AVRO_BEGINS_WITH = b"Obj\x01"


@dataclass(frozen=True)
class Whole:
    """The newest state of a table of which all files are whole, and the damaged files of each newer
    one, the newest first; all by their places.
    """

    newest: str
    whole: str
    damaged: tuple[str, ...]


def newest_whole(catalogue: SqlCatalog, table: Table) -> Whole | None:
    """Return the newest whole state of a table; None where there is no such table.

    Raises TableDamaged where no whole state is left.
    """
    row = _row(catalogue, table)
    if row is None or not row.metadata_location:
        return None
    io = catalogue._load_file_io(location=row.metadata_location)
    damaged: list[str] = []
    for location in _states(io, row.metadata_location, row.previous_metadata_location):
        found = fault(io, location)
        if found is None:
            return Whole(row.metadata_location, location, tuple(damaged))
        damaged.append(found)
    raise TableDamaged(
        f"No state of {table.name} is whole, the newest lacks {damaged[0]}: restore the backup of the warehouse with that of "
        "the catalogue (docs/operations.md, Backup)."
    )


def go_back(catalogue: SqlCatalog, table: Table, state: Whole) -> None:
    """Have the catalogue name the whole state of a table, if the newest still is what it names."""
    changed = update(IcebergTables).where(*_is(catalogue, table), IcebergTables.metadata_location == state.newest)
    with Session(catalogue.engine) as session:
        session.execute(changed.values(metadata_location=state.whole, previous_metadata_location=None))
        session.commit()


def _row(catalogue: SqlCatalog, table: Table) -> IcebergTables | None:
    with Session(catalogue.engine) as session:
        return session.scalar(select(IcebergTables).where(*_is(catalogue, table)))


def _is(catalogue: SqlCatalog, table: Table) -> tuple[ColumnElement[bool], ...]:
    namespace, name = table.name.split(".")
    return (
        IcebergTables.catalog_name == catalogue.name,
        IcebergTables.table_namespace == namespace,
        IcebergTables.table_name == name,
    )


def _states(io: FileIO, current: str, previous: str | None) -> Iterator[str]:
    """Yield the places of the table's states, the newest first."""
    newest = next((each for each in (current, previous, *_in_folder(current)) if each and _metadata(io, each)), None)
    given: list[str] = []
    metadata = _metadata(io, newest) if newest else None
    before = [entry.metadata_file for entry in reversed(metadata.metadata_log)] if metadata else []
    for each in (current, previous, newest, *before):
        if each and each not in given:
            given.append(each)
            yield each


def _in_folder(location: str) -> list[str]:
    """Return the metadata files beside one, the newest first: their names begin with numbers."""
    folder = location.rpartition("/")[0]
    files, path = fs.FileSystem.from_uri(folder.replace("s3a://", "s3://", 1))
    found = files.get_file_info(fs.FileSelector(path, allow_not_found=True))
    names = [each.base_name for each in found if each.base_name.endswith(".metadata.json")]
    return [f"{folder}/{name}" for name in sorted(names, reverse=True)]


def _metadata(io: FileIO, location: str) -> TableMetadata | None:
    """Return a state of the table; None where its file is damaged or gone."""
    try:
        return FromInputFile.table_metadata(io.new_input(location))
    except (ValidationError, ValueError, FileNotFoundError):
        return None


def fault(io: FileIO, location: str) -> str | None:
    """Return the first file of a state of the table that is damaged; None where all are whole."""
    metadata = _metadata(io, location)
    if metadata is None:
        return location
    snapshot = metadata.current_snapshot()
    if snapshot is None:
        return None
    if not _is_avro(io, snapshot.manifest_list):
        return snapshot.manifest_list
    for manifest in snapshot.manifests(io):
        path = manifest.manifest_path
        if _length(io, path) != manifest.manifest_length or not _is_avro(io, path):
            return path
        for entry in manifest.fetch_manifest_entry(io):
            if not _is_whole(io, entry.data_file):
                return entry.data_file.file_path
    return None


def _is_whole(io: FileIO, file: DataFile) -> bool:
    if _length(io, file.file_path) != file.file_size_in_bytes:
        return False
    return file.file_format != FileFormat.PARQUET or _ends_as_parquet(io, file.file_path)


@cache
def _length(io: FileIO, path: str) -> int:
    """Return the length of a file in bytes; 0 where it is gone."""
    try:
        return len(io.new_input(path))
    except FileNotFoundError:
        return 0


@cache
def _is_avro(io: FileIO, path: str) -> bool:
    if not _length(io, path):
        return False
    with io.new_input(path).open() as file:
        return bool(file.read(len(AVRO_BEGINS_WITH)) == AVRO_BEGINS_WITH)


@cache
def _ends_as_parquet(io: FileIO, path: str) -> bool:
    with io.new_input(path).open() as file:
        file.seek(-len(PARQUET_ENDS_WITH), 2)
        return bool(file.read() == PARQUET_ENDS_WITH)
