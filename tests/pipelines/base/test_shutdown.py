"""SIGTERM and SIGINT ask for a stop, at whatever moment they come."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.base import shutdown

pytestmark = pytest.mark.programs

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


@pytest.mark.parametrize("number", shutdown.ENDS)
def test_each_signal_interrupts_also_where_the_shell_had_it_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), shutdown.interruptible():
            _signal_and_block(number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def _signal_and_block(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def test_signals_mean_what_they_meant_before_also_after_an_error() -> None:
    before = [signal.getsignal(number) for number in shutdown.ENDS]
    with pytest.raises(OSError, match="no"), shutdown.interruptible():
        raise OSError("no")
    assert [signal.getsignal(number) for number in shutdown.ENDS] == before


def test_only_the_signals_named_interrupt() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with shutdown.interruptible(signal.SIGTERM):
        assert signal.getsignal(signal.SIGHUP) is before
        assert signal.getsignal(signal.SIGTERM) is shutdown._interrupt
