"""How a job fails: what its user can mend is one sentence in the log and exit code 2, never a
traceback.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipelines.base import logs
from pipelines.base.errors import TidemarkError

log = logs.get(__name__)
FAILED = 2  # the exit code


@contextmanager
def in_words(job: str, *also: type[Exception], sentence: Callable[[Exception], str] = str) -> Iterator[None]:
    """End the process with the `sentence` of a TidemarkError, or of one of `also`, that comes out
    of the block.
    """
    logs.configure()
    mendable: tuple[type[Exception], ...] = (TidemarkError, *also)
    try:
        yield
    except mendable as error:
        log.error("job_failed", job=job, error=sentence(error))
        sys.exit(FAILED)
