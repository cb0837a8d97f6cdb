"""Cached answers: ten open pages cost one query per interval, and the last good rows outlive a
failure.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

import structlog

from dashboards.trino import Unanswered

FAR_OLDER = 4  # intervals

Rows = TypeVar("Rows")
log = structlog.get_logger()


@dataclass(frozen=True)
class Answer(Generic[Rows]):
    """The last good rows with the time they were read, and what is wrong since, if anything is."""

    rows: Rows | None = None
    at: datetime | None = None
    problem: str | None = None
    failed_at: datetime | None = None


class Cached(Generic[Rows]):
    """A question whose answer is read at most once per `every_s` seconds, by one caller at a time.

    While one caller reads, others get the previous answer at once. They wait only where there is
    none yet, or where nobody had a page open for so long that it is far older than `every_s`.
    """

    def __init__(self, name: str, question: Callable[[], Rows], every_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._name = name
        self._question = question
        self._every_s = every_s
        self._clock = clock
        self._lock = Lock()
        self._answer: Answer[Rows] = Answer()
        self._read_at: float | None = None

    def __call__(self) -> Answer[Rows]:
        """Return the answer: at most `every_s` seconds old, unless its `problem` says otherwise."""
        if not self._lock.acquire(blocking=self._age_s() >= FAR_OLDER * self._every_s):
            return self._answer
        try:
            if self._due():
                self._refresh()
            return self._answer
        finally:
            self._lock.release()

    def _due(self) -> bool:
        return self._age_s() >= self._every_s

    def _age_s(self) -> float:
        return math.inf if self._read_at is None else self._clock() - self._read_at

    def _refresh(self) -> None:
        try:
            self._answer = Answer(self._question(), datetime.now(UTC))
        except Unanswered as error:
            self._note(str(error))
        except Exception as error:  # what nobody foresaw is said on the page, too
            log.error("question_failed", question=self._name, exc_info=error)
            self._note("This could not be read, for a reason that nobody foresaw: the log of the page has it.")
        finally:
            self._read_at = self._clock()

    def _note(self, problem: str) -> None:
        if self._answer.problem != problem:
            log.warning("question_unanswered", question=self._name, problem=problem)
        failed_at = self._answer.failed_at or datetime.now(UTC)
        self._answer = replace(self._answer, problem=problem, failed_at=failed_at)
