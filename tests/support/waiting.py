"""Waits for a condition instead of for a time."""

import subprocess
import time
from collections.abc import Callable

LOOK_EVERY_S = 0.5


def until(condition: Callable[[], bool], what: str, *programs: "subprocess.Popen[bytes]", within_s: float = 900.0) -> None:
    """Return once the condition holds; fail with `what` when it does not within a generous time.

    Fails at once when one of the `programs`, which are to bring it about, has failed: nothing would
    come any more.
    """
    end = time.monotonic() + within_s
    while not condition():
        for program in programs:
            assert not program.poll(), f"{program.args} ended with {program.returncode} before {what}"
        assert time.monotonic() < end, f"waited {within_s:g} s in vain until {what}"
        time.sleep(LOOK_EVERY_S)
