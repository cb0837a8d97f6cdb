"""Reads states of cards and sellers for requests that wait: who comes during one reading is read together in the next."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pipelines.errors import ServiceUnreachable
from pipelines.online_store import Reading

Peek = Callable[[list[str], list[str]], Reading]
Asked = tuple[str, str, asyncio.Future[Reading]]


class CardReader:
    """One thread that asks the store; a request waits for `within_s`, however long the store takes."""

    def __init__(self, peek: Peek, within_s: float) -> None:
        self.peek, self.within_s = peek, within_s
        self.pool = ThreadPoolExecutor(1, "card-reader")
        self.waiting: list[Asked] = []
        self.reading: asyncio.Task[None] | None = None

    async def read(self, card: str, seller: str) -> Reading:
        """Return the states of one card and one seller.

        Raises ServiceUnreachable when the store fails, TimeoutError when it is slow.
        """
        asked: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self.waiting.append((card, seller, asked))
        if self.reading is None or self.reading.done():
            self.reading = asyncio.create_task(self._read_waiting())
        async with asyncio.timeout(self.within_s):
            return await asked

    async def _read_waiting(self) -> None:
        while batch := self._next():
            try:
                cards, sellers = [card for card, _, _ in batch], [seller for _, seller, _ in batch]
                reading = await asyncio.get_running_loop().run_in_executor(self.pool, self.peek, cards, sellers)
            except ServiceUnreachable as error:
                _fail(batch, error)
            else:
                _hand_out(batch, reading)

    def _next(self) -> list[Asked]:
        """Return those that still wait."""
        batch, self.waiting = [each for each in self.waiting if not each[-1].done()], []
        return batch

    def close(self) -> None:
        """End the thread once its reading is over."""
        self.pool.shutdown(cancel_futures=True)


def _hand_out(batch: list[Asked], reading: Reading) -> None:
    for i, (_, _, asked) in enumerate(batch):
        if not asked.done():
            asked.set_result(Reading(reading.states[i : i + 1], reading.sellers[i : i + 1], reading.model_version))


def _fail(batch: list[Asked], error: ServiceUnreachable) -> None:
    for _, _, asked in batch:
        if not asked.done():
            asked.set_exception(error)
