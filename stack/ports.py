"""Says which ports are free."""

from __future__ import annotations  # doctor imports this module on whatever Python there is

import errno
import random
import socket

# Below the ports that Linux gives to outgoing connections: one of those may take a port between its
# choice and its use.
CHOICE = range(20_000, 32_000)
TAKEN = {errno.EADDRINUSE, errno.EACCES}


def free(port: int) -> bool:
    """Return whether something could listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in TAKEN:
                return False
            raise
        return True


def some_free(count: int, room: int = 2) -> list[int]:
    """Return `count` ports that are free now, each with the next `room - 1` after it (the
    controller's, the health page's).
    """
    found: list[int] = []
    tries = iter(random.SystemRandom().sample(CHOICE, len(CHOICE)))
    while len(found) < count:
        port = next(tries)
        apart = all(abs(port - other) >= room for other in found)
        if apart and all(free(port + step) for step in range(room)):
            found.append(port)
    return found
