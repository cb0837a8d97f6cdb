"""A bar on standard error that shows how much of a simulated past is done."""

from collections.abc import Iterator

from rich.console import Console
from rich.progress import Progress

from simulator.event import Event


def with_progress(batches: Iterator[list[Event]], start: int, end: int) -> Iterator[list[Event]]:
    """Pass batches on while the bar shows how much of the time from `start` to `end` is done."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("past days", total=end - start)
        for batch in batches:
            yield batch
            if batch:
                progress.update(task, completed=batch[-1].at - start)
