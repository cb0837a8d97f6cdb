"""Answers requests together: those that come while others are answered are answered at once in the
next round.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from pipelines.base import logs
from pipelines.base.errors import ServiceUnreachable

log = logs.get(__name__)

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Waiting(NamedTuple, Generic[Question, Answer]):
    """A question, and what will hold its answer."""

    question: Question
    answer: asyncio.Future[Answer]


class Batcher(Generic[Question, Answer]):
    """One thread that answers all questions that wait, in their order; a question waits for
    `within_s` seconds, however long that takes, or until it is answered where that is None.

    `what` says in the log and in errors what the thread does, such as "read card states".
    """

    def __init__(
        self, what: str, answers: Callable[[Sequence[Question]], Sequence[Answer]], within_s: float | None = None
    ) -> None:
        self.what, self.answers, self.within_s = what, answers, within_s
        self.pool = ThreadPoolExecutor(1, what.replace(" ", "-"))
        self.waiting: list[Waiting[Question, Answer]] = []
        self.round: asyncio.Task[None] | None = None

    async def answer(self, question: Question) -> Answer:
        """Return the answer to one question.

        Raises ServiceUnreachable when answering fails, TimeoutError when it is slow.
        """
        waiting: Waiting[Question, Answer] = Waiting(question, asyncio.get_running_loop().create_future())
        self.waiting.append(waiting)
        if self.round is None or self.round.done():
            self.round = asyncio.create_task(self._answer_waiting())
        async with asyncio.timeout(self.within_s):
            return await waiting.answer

    async def _answer_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next():
            try:
                answers = await loop.run_in_executor(self.pool, self.answers, [each.question for each in batch])
            except ServiceUnreachable as error:
                _fail(batch, error)
            except Exception as error:  # what nobody foresaw fails these requests, not the ones after
                log.error("batch_failed_unforeseen", what=self.what, exc_info=error)
                _fail(batch, ServiceUnreachable(f"Could not {self.what} ({error!r}): the log says more."))
            else:
                _hand_out(batch, answers)

    def _next(self) -> list[Waiting[Question, Answer]]:
        """Return those that still wait."""
        batch, self.waiting = [each for each in self.waiting if not each.answer.done()], []
        return batch

    def close(self) -> None:
        """End the thread once its round is over."""
        self.pool.shutdown(cancel_futures=True)


def _hand_out(batch: list[Waiting[Question, Answer]], answers: Sequence[Answer]) -> None:
    for each, answer in zip(batch, answers, strict=True):
        if not each.answer.done():
            each.answer.set_result(answer)


def _fail(batch: list[Waiting[Question, Answer]], error: ServiceUnreachable) -> None:
    for each in batch:
        if not each.answer.done():
            each.answer.set_exception(error)
