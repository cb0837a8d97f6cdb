"""Who waits at once is answered at once, each with its own answer."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from api.batcher import Batcher
from pipelines.base.errors import ServiceUnreachable


class Shelf:
    """Answers with a hundred times the numbers asked for, once it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.rounds: list[list[str]] = []

    def answers(self, questions: Sequence[str]) -> list[int]:
        self.rounds.append(list(questions))
        self.may.wait()
        if "bad" in questions:
            raise ServiceUnreachable("no")
        return [100 * int(question) for question in questions]


def test_questions_that_come_during_a_round_are_answered_together_in_the_next_each_getting_its_own() -> None:
    shelf = Shelf()

    async def ask() -> list[int]:
        batcher = Batcher("count", shelf.answers)
        first = asyncio.create_task(batcher.answer("1"))
        while not shelf.rounds:
            await asyncio.sleep(0)
        others = [asyncio.create_task(batcher.answer(question)) for question in ("2", "3", "2")]
        await asyncio.sleep(0)
        shelf.may.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(ask()) == [100, 200, 300, 200]
    assert shelf.rounds == [["1"], ["2", "3", "2"]]


@pytest.mark.parametrize("bad", ["bad", "worse"], ids=["it fails", "nobody foresaw it"])
def test_who_has_given_up_is_not_answered_and_a_failure_reaches_all_who_wait(bad: str) -> None:
    shelf = Shelf()

    async def ask() -> list[object]:
        batcher = Batcher("count", shelf.answers, 60.0)
        first = asyncio.create_task(batcher.answer("1"))
        while not shelf.rounds:
            await asyncio.sleep(0)
        batcher.within_s = 0.001
        with pytest.raises(TimeoutError):
            await batcher.answer("2")
        batcher.within_s = 60.0
        waiting = [asyncio.create_task(batcher.answer(question)) for question in ("3", bad)]
        await asyncio.sleep(0)
        shelf.may.set()
        assert await first == 100
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(answer) for answer in asyncio.run(ask())] == [ServiceUnreachable] * 2
    assert shelf.rounds == [["1"], ["3", bad]]
