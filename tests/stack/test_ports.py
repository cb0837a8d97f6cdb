"""Which ports are free, and who has the others."""

import os
import socket

import pytest

from stack import ports, status

# Ip_local_port_range unless somebody sets it; also below what macOS and Windows give.
LINUX_GIVES_FROM = 32_768


@pytest.fixture
def taken() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


def test_a_port_is_free_until_somebody_listens(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    assert not ports.free(port)
    assert status.port_holder(port).endswith(f"(pid {os.getpid()})")
    taken.close()
    assert ports.free(port)
    assert status.port_holder(port) == "another program"


def test_free_ports_have_room_for_the_neighbour_a_service_takes() -> None:
    found = ports.some_free(8)
    both = [port + step for port in found for step in (0, 1)]
    assert len(set(both)) == 16
    assert all(ports.free(port) for port in both)


def test_free_ports_are_none_that_an_outgoing_connection_may_take() -> None:
    assert max(ports.some_free(8)) + 1 < LINUX_GIVES_FROM
