"""The open-loop client sends each request at its time, also while nothing has been answered, and
says what became of it.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.support.open_loop import post, send

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"


@contextmanager
def serving(answers: list[bytes], at_once: int) -> Iterator[int]:
    """Run a server that answers the n-th request with the n-th answer, the first ones once
    `at_once` of them are there.
    """
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []
    arrived: list[int] = []

    async def serve() -> None:
        enough = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while not reader.at_eof():
                try:
                    await reader.readuntil(b"\r\n\r\n{}")
                except asyncio.IncompleteReadError:
                    break
                arrived.append(len(arrived))
                number = arrived[-1]
                if len(arrived) >= at_once:
                    enough.set()
                await enough.wait()
                writer.write(answers[number])
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await over.wait()
        server.close()

    over = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    ready.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def test_requests_are_sent_while_none_is_answered_and_waiting_counts() -> None:
    with serving([OK] * 5, at_once=5) as port:
        answers = send(port, [post("/", "{}", {})] * 5, rate=20.0)
    assert answers.status.tolist() == [200] * 5
    assert answers.text == ["ok"] * 5
    assert answers.latency_ms[0] >= 4 * 1000 / 20, "the first one had waited for the fifth, which was due so much later"


def test_what_is_no_score_is_told_apart() -> None:
    with serving([OK, BUSY, OK], at_once=1) as port:
        answers = send(port, [post("/", "{}", {})] * 3, rate=20.0)
    assert sorted(answers.status.tolist()) == [200, 200, 503]
    assert answers.after(2).text == answers.text[2:]


def test_a_server_that_is_not_there_is_no_answer() -> None:
    answers = send(1, [post("/", "{}", {})] * 2, rate=1000.0)
    assert answers.status.tolist() == [0, 0]


def test_a_request_is_one_that_servers_understand() -> None:
    assert post("/x", "ü", {"A": "b"}) == (
        "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nA: b\r\n\r\nü"
    )
