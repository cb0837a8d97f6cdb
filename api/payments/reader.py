"""Reads states for requests that wait: who comes during one reading is read together in the
next.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pipelines.base.errors import ServiceUnreachable
from pipelines.online_store.client import Reading

Peek = Callable[[list[str], list[str], list[str]], Reading]
Asked = tuple[str, str, str, asyncio.Future[Reading]]


class CardReader:
    """One thread that asks the store; a request waits for `within_s`, however long the store
    takes.
    """

    def __init__(self, peek: Peek, within_s: float) -> None:
        self.peek, self.within_s = peek, within_s
        self.pool = ThreadPoolExecutor(1, "card-reader")
        self.waiting: list[Asked] = []
        self.reading: asyncio.Task[None] | None = None

    async def read(self, card: str, device: str, seller: str) -> Reading:
        """Return the states of one card, one device and one seller.

        Raises ServiceUnreachable when the store fails, TimeoutError when it is slow.
        """
        asked: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self.waiting.append((card, device, seller, asked))
        if self.reading is None or self.reading.done():
            self.reading = asyncio.create_task(self._read_waiting())
        async with asyncio.timeout(self.within_s):
            return await asked

    async def _read_waiting(self) -> None:
        while batch := self._next():
            try:
                cards, devices, sellers = ([str(each[kind]) for each in batch] for kind in range(3))
                loop = asyncio.get_running_loop()
                reading = await loop.run_in_executor(self.pool, self.peek, cards, devices, sellers)
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
    for i, (*_, asked) in enumerate(batch):
        if not asked.done():
            states, devices, sellers = (known[i : i + 1] for known in (reading.states, reading.devices, reading.sellers))
            asked.set_result(Reading(states, devices, sellers, reading.model_version))


def _fail(batch: list[Asked], error: ServiceUnreachable) -> None:
    for *_, asked in batch:
        if not asked.done():
            asked.set_exception(error)
