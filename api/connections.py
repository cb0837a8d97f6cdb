"""Connections of the API: bounded in number, and each has a time in which to send a whole request.

uvicorn's own limit answers everybody with 503 while others hold connections open; here who sends
nothing makes room for who does.
"""

import json
from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MOST_HEAD_BYTES = 65_536  # of a request line and its headers, before they are whole
TOO_LATE = "The request did not come in time: send it at once."
TOO_LONG = "The request's headers are too long: send fewer."


class Bounds:
    """How many connections one server holds at once, and how long each may take over a request.

    Of those without a request under way the oldest gives way first; among them, who never sent the
    head of one.
    """

    def __init__(self, most: int, within_s: float) -> None:
        self.most = most
        self.within_s = within_s
        # In the order in which they began to wait.
        self.strangers: dict[BoundedProtocol, None] = {}
        self.idle: dict[BoundedProtocol, None] = {}

    def forget(self, connection: "BoundedProtocol") -> None:
        """Note that a connection waits no more: it has sent a head, or is gone."""
        self.strangers.pop(connection, None)
        self.idle.pop(connection, None)

    def make_room(self, count: int) -> None:
        """Close who has waited longest, of `count` connections, if that is one too many."""
        if count > self.most and (oldest := next(iter(self.strangers or self.idle), None)):
            self.forget(oldest)
            oldest.transport.close()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol for one connection, within bounds; a subclass with bounds is what a server
    uses.
    """

    bounds: Bounds
    deadline: TimerHandle | None = None
    in_head = True
    head_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection, and close the one that has waited longest if it is one too many."""
        super().connection_made(transport)
        self.bounds.strangers[self] = None
        self._begin()
        self.bounds.make_room(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._end()
        self.bounds.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head has become too long."""
        super().data_received(data)
        if self.in_head:
            self.head_bytes += len(data)
            if self.head_bytes > MOST_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LONG)

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        self.in_head, self.head_bytes = True, 0
        if self.deadline is None:
            self._begin()

    def on_headers_complete(self) -> None:
        """Begin to answer a request whose head is whole."""
        self.in_head = False
        self.bounds.forget(self)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that a request is whole."""
        self._end()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the connection's next request."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self.bounds.idle[self] = None

    def _begin(self) -> None:
        self.deadline = self.loop.call_later(self.bounds.within_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT, TOO_LATE)

    def _end(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        """Answer with one sentence and close; who has an answer under way is only closed."""
        self._end()
        if self.transport.is_closing():
            return
        if self.in_head:
            body = json.dumps({"error": why}).encode()
            head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


def bounded(most: int, within_s: float) -> type[BoundedProtocol]:
    """Return the protocol of one server that holds at most `most` connections, on each of which a
    request is whole after `within_s` seconds.
    """
    attributes: dict[str, Any] = {"bounds": Bounds(most, within_s)}
    return type("ServedProtocol", (BoundedProtocol,), attributes)
