"""Reads states for requests that wait: who comes during one reading is read together in the
next.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from pipelines.base import logs
from pipelines.base.errors import ServiceUnreachable
from pipelines.fraud.features.fold import Known, States
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.store import Reading

log = logs.get(__name__)
Peek = Callable[[Keys], Reading]


class Request(NamedTuple):
    """One card, one device and one seller that are waited for, and what will hold their reading."""

    keys: Keys
    reading: asyncio.Future[Reading]


class StateReader:
    """One thread that reads from the store; a request waits for `within_s` seconds, however long
    the store takes.
    """

    def __init__(self, peek: Peek, within_s: float) -> None:
        self.peek, self.within_s = peek, within_s
        self.pool = ThreadPoolExecutor(1, "state-reader")
        self.waiting: list[Request] = []
        self.reading: asyncio.Task[None] | None = None

    async def read(self, keys: Keys) -> Reading:
        """Return what is known of one card, one device and one seller.

        Raises ServiceUnreachable when the store fails, TimeoutError when it is slow.
        """
        request = Request(keys, asyncio.get_running_loop().create_future())
        self.waiting.append(request)
        if self.reading is None or self.reading.done():
            self.reading = asyncio.create_task(self._read_waiting())
        async with asyncio.timeout(self.within_s):
            return await request.reading

    async def _read_waiting(self) -> None:
        while batch := self._next():
            try:
                loop = asyncio.get_running_loop()
                reading = await loop.run_in_executor(self.pool, self.peek, _together(batch))
            except ServiceUnreachable as error:
                _fail(batch, error)
            except Exception as error:  # what nobody foresaw costs these payments the states, not the answer
                log.error("states_not_read_unforeseen", exc_info=error)
                _fail(batch, ServiceUnreachable(f"Could not read card states ({error!r}): the log says more."))
            else:
                _hand_out(batch, reading)

    def _next(self) -> list[Request]:
        """Return those that still wait."""
        batch, self.waiting = [each for each in self.waiting if not each.reading.done()], []
        return batch

    def close(self) -> None:
        """End the thread once its reading is over."""
        self.pool.shutdown(cancel_futures=True)


def _together(batch: list[Request]) -> Keys:
    """Return the keys of all requests, in their order."""
    return Keys(
        [card for request in batch for card in request.keys.cards],
        [device for request in batch for device in request.keys.devices],
        [seller for request in batch for seller in request.keys.sellers],
    )


def _hand_out(batch: list[Request], reading: Reading) -> None:
    """Give each request what was read for it, the i-th of each kind."""
    (cards, devices), sellers = reading.known
    for i, request in enumerate(batch):
        if not request.reading.done():
            states = States(cards[i : i + 1], devices[i : i + 1])
            known = Known(states, None if sellers is None else sellers[i : i + 1])
            request.reading.set_result(Reading(known, reading.model_version))


def _fail(batch: list[Request], error: ServiceUnreachable) -> None:
    for request in batch:
        if not request.reading.done():
            request.reading.set_exception(error)
