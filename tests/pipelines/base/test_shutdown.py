"""SIGTERM and SIGINT ask for a stop, at whatever moment they come."""

import subprocess
import sys

import pytest

# The lock that a wait on the Event holds while it begins and ends: where a signal is most awkward.
PROGRAM = """
import signal
from pipelines.base import shutdown
shutdown.on_signals()
with shutdown.requested._cond:
    signal.raise_signal(signal.{name})
print(shutdown.requested.wait(60))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_in_the_middle_of_a_wait_is_a_request_to_stop(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
