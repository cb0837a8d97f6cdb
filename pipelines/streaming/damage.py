"""Finds the files of a checkpoint that a power cut has emptied, torn or taken, and steps over them
where that loses nothing and doubles nothing.
"""

import json
import re
from collections.abc import Callable, Iterator

from pipelines.streaming.checkpoint_folder import DEPTHS, STATE_FILES, CheckpointFolder
from pipelines.streaming.offsets import PlannedBatch, TableOffset, next_watermark_ms

STATE_OF_VERSION = re.compile(r"state/\d+/\d+/(\d+)\.\w+")
TOPICS = "topics"  # the ids of the topics that a query reads that writes no table
NEWEST = 2  # files of each log that Spark reads at a start


def damaged(folder: CheckpointFolder, is_stopped: bool = False) -> list[str]:
    """Return the names of the files that cannot be read: what a start reads by its content, all
    others where they are of no length; and of those of the log of offsets that are gone.

    RocksDB's own files only where somebody has stopped the query because it cannot go on: a kill
    leaves some of no length that nobody needs.
    """
    lengths = folder.lengths((*DEPTHS, STATE_FILES) if is_stopped else DEPTHS)
    empty = {name for name, length in lengths.items() if not length}
    torn = {name for name, parse in _read_at_a_start(lengths) if name not in empty and not _is_whole(folder, name, parse)}
    return sorted(empty | torn | _gone(folder))


def _gone(folder: CheckpointFolder) -> set[str]:
    """Return the batches of the log of offsets that are missing among its others, or that are
    committed.
    """
    planned = folder.numbers("offsets")
    wanted = {*range(planned[0], planned[-1]), *(n for n in folder.numbers("commits") if n > planned[0])} if planned else set()
    return {f"offsets/{number}" for number in wanted - {*planned}}


def step_over(folder: CheckpointFolder, query_id: str | None, written: int | None, is_merged: bool) -> str | None:
    """Mend a damaged checkpoint so that its query goes on, and return in a sentence how; None where
    that would not be exact.

    query_id: the query's own, where that is known. written: the last batch that its table holds,
    where the sink leaves out a batch whose number the table holds. is_merged: batches that are
    done again, from the same beginning, change nothing.
    """
    found = damaged(folder, is_stopped=True)
    if any(name.startswith("state/") for name in found) or ("metadata" in found and query_id is None):
        return None
    logs = [name for name in found if name.startswith(("offsets/", "commits/"))]
    how = _step_over_logs(folder, set(logs), written, is_merged) if logs else "nothing is done again"
    if how is None:
        return None
    if "metadata" in found:
        folder.write("metadata", json.dumps({"id": query_id}))
    for name in found:
        if name == TOPICS or name.startswith("sources/"):
            folder.delete(name)  # of a query that has a batch nobody asks where it began
    return how if not damaged(folder) else None


def _step_over_logs(folder: CheckpointFolder, found: set[str], written: int | None, is_merged: bool) -> str | None:
    newest = max(folder.numbers("offsets"), default=-1)
    if found == {f"commits/{newest}"}:
        folder.delete(f"commits/{newest}")
        return f"batch {newest} is done again as it was planned"
    if found == {f"commits/{newest - 1}"}:  # it was done: the next one was planned
        following = PlannedBatch.from_log(folder.read(f"offsets/{newest}"))
        folder.write(f"commits/{newest - 1}", f"v1\n{json.dumps({'nextBatchWatermarkMs': following.watermark_ms})}")
        return f"batch {newest - 1} was done"
    is_open = found == {f"offsets/{newest}"} and newest not in folder.numbers("commits")
    last = newest - 1 if is_open and (written is None or written < newest) else None
    if is_merged:
        last = _last_whole(folder, found)
    if last is None or last < 0:
        return None
    for name in found:
        folder.delete(name)
    _go_back(folder, last)
    return f"what came after batch {last} is planned anew"


def _last_whole(folder: CheckpointFolder, found: set[str]) -> int | None:
    """Return the last batch that is committed and that a start could go on from."""
    planned = {number for number in folder.numbers("offsets") if f"offsets/{number}" not in found}
    done = {number for number in folder.numbers("commits") if f"commits/{number}" not in found}
    return max((number for number in planned & done if number == 0 or number - 1 in planned), default=None)


def _go_back(folder: CheckpointFolder, last: int) -> None:
    """Remove what is of batches after the last; the state after batch n is version n + 1."""
    for log in ("commits", "offsets"):
        for number in reversed(folder.numbers(log)):
            if number > last:
                folder.delete(f"{log}/{number}")
    for name in folder.lengths():
        version = STATE_OF_VERSION.fullmatch(name)
        if version and int(version[1]) > last + 1:
            folder.delete(name)


def _read_at_a_start(lengths: dict[str, int]) -> Iterator[tuple[str, Callable[[str], object]]]:
    """Yield the files that a start reads, and what parses each."""
    if TOPICS in lengths:
        yield TOPICS, json.loads
    if "metadata" in lengths:
        yield "metadata", lambda text: json.loads(text)["id"]
    parsers: dict[str, Callable[[str], object]] = {"offsets": PlannedBatch.from_log, "commits": next_watermark_ms}
    for log, parse in parsers.items():
        numbers = sorted(int(name.partition("/")[2]) for name in lengths if re.fullmatch(rf"{log}/\d+", name))
        for number in numbers[-NEWEST:]:
            yield f"{log}/{number}", parse
    for name in lengths:
        if re.fullmatch(r"sources/\d+/offsets/0", name):
            yield name, TableOffset.from_json


def _is_whole(folder: CheckpointFolder, name: str, parse: Callable[[str], object]) -> bool:
    try:
        parse(folder.read(name))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False
    return True
