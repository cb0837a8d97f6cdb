"""Named places where a test lets the process die: TIDEMARK_KILL_POINT names one, or a folder in
which a file has its name.
"""

import os
import signal
from pathlib import Path


def reach(name: str) -> None:
    """Kill this process at once, as a power cut would, if TIDEMARK_KILL_POINT names this place;
    otherwise do nothing.

    By putting files into a folder, a test moves the place while the process runs.
    """
    wanted = os.environ.get("TIDEMARK_KILL_POINT")
    if wanted and (wanted == name or Path(wanted, name).exists()):
        os.kill(os.getpid(), signal.SIGKILL)
