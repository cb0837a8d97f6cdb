"""Answers requests together: those that come while others are answered are answered at once in the
next round.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
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
        self.waiting: SimpleQueue[Waiting[Question, Answer] | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._work, name=what, daemon=True)
        self.thread.start()

    async def answer(self, question: Question) -> Answer:
        """Return the answer to one question.

        Raises ServiceUnreachable when answering fails, TimeoutError when it is slow.
        """
        waiting: Waiting[Question, Answer] = Waiting(question, asyncio.get_running_loop().create_future())
        self.waiting.put(waiting)
        async with asyncio.timeout(self.within_s):
            return await waiting.answer

    def close(self) -> None:
        """End the thread once its round is over."""
        self.waiting.put(None)
        self.thread.join()

    def _work(self) -> None:
        # A queue and a callback a round: an executor's futures took more time than the answers.
        while (batch := self._next()) is not None:
            if batch:
                self._answer(batch)

    def _next(self) -> list[Waiting[Question, Answer]] | None:
        """Return those that still wait, once there are any; None when it is time to end."""
        taken = [self.waiting.get()]
        taken += [self.waiting.get() for _ in range(self.waiting.qsize())]
        return None if None in taken else [each for each in taken if each and not each.answer.done()]

    def _answer(self, batch: list[Waiting[Question, Answer]]) -> None:
        try:
            answers = self.answers([each.question for each in batch])
        except ServiceUnreachable as error:
            _hand_over(batch, _fail, error)
        except Exception as error:  # what nobody foresaw fails these requests, not the ones after
            log.error("batch_failed_unforeseen", what=self.what, exc_info=error)
            _hand_over(batch, _fail, ServiceUnreachable(f"Could not {self.what} ({error!r}): the log says more."))
        else:
            _hand_over(batch, _hand_out, answers)


def _hand_over(batch: list[Waiting[Question, Answer]], how: Callable[..., None], what: object) -> None:
    """Have the loop that the requests wait in give them their answers, unless it has ended."""
    with suppress(RuntimeError):
        batch[0].answer.get_loop().call_soon_threadsafe(how, batch, what)


def _hand_out(batch: list[Waiting[Question, Answer]], answers: Sequence[Answer]) -> None:
    for each, answer in zip(batch, answers, strict=True):
        if not each.answer.done():
            each.answer.set_result(answer)


def _fail(batch: list[Waiting[Question, Answer]], error: ServiceUnreachable) -> None:
    for each in batch:
        if not each.answer.done():
            each.answer.set_exception(error)
