"""Cached answers: one query per interval whoever asks, and the last good rows outlive a failure."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from dashboards.cache import FAR_OLDER, Cached
from dashboards.trino import Unanswered


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Counts how often it is read, and fails when it shall."""

    reads = 0
    fails = False
    error: Exception = Unanswered("Trino does not answer.")

    def __call__(self) -> int:
        self.reads += 1
        if self.fails:
            raise self.error
        return self.reads


class Slow:
    """Answers "old" at once, and then "new" when it may go."""

    def __init__(self) -> None:
        self.reading, self.go = Event(), Event()
        self.answers = iter(("old", "new"))

    def __call__(self) -> str:
        answer = next(self.answers)
        if answer == "new":
            self.reading.set()
            self.go.wait(30)
        return answer


def test_a_question_is_read_once_per_interval() -> None:
    clock, source = Clock(), Source()
    cached = Cached("orders", source, 3, clock)
    assert [cached().rows for _ in range(10)] == [1] * 10
    clock.now = 2.9
    assert cached().rows == 1
    clock.now = 3
    assert cached().rows == 2


def test_an_error_that_nobody_foresaw_is_said_too() -> None:
    clock, source = Clock(), Source()
    cached = Cached("orders", source, 3, clock)
    good = cached()
    clock.now, source.fails, source.error = 3, True, OverflowError("date value out of range")
    failed = cached()
    assert (failed.rows, failed.at) == (good.rows, good.at)
    assert "nobody foresaw" in str(failed.problem)


def test_the_last_good_rows_outlive_a_failure_and_say_so() -> None:
    clock, source = Clock(), Source()
    cached = Cached("orders", source, 3, clock)
    good = cached()
    source.fails, clock.now = True, 3
    failed = cached()
    clock.now = 6
    again = cached()
    assert (failed.rows, failed.at, failed.problem) == (1, good.at, "Trino does not answer.")
    assert again.failed_at == failed.failed_at
    source.fails, clock.now = False, 9
    assert (cached().rows, cached().problem) == (4, None)


def test_a_failure_too_is_read_once_per_interval() -> None:
    clock, source = Clock(), Source()
    source.fails = True
    cached = Cached("orders", source, 3, clock)
    assert [cached().problem for _ in range(5)] == ["Trino does not answer."] * 5
    assert source.reads == 1


def test_ten_pages_at_once_cost_one_question_and_nobody_waits_for_a_refresh() -> None:
    clock, source = Clock(), Slow()
    cached = Cached("orders", source, 3, clock)
    assert cached().rows == "old"
    clock.now = 3
    with ThreadPoolExecutor() as pool:
        refreshing = pool.submit(cached)
        assert source.reading.wait(30)
        assert [cached().rows for _ in range(10)] == ["old"] * 10
        source.go.set()
        assert refreshing.result(30).rows == "new"
    assert cached().rows == "new"


def test_whoever_comes_after_a_long_time_waits_for_the_new_answer() -> None:
    clock, source = Clock(), Slow()
    cached = Cached("orders", source, 3, clock)
    assert cached().rows == "old"
    clock.now = 3 * FAR_OLDER
    with ThreadPoolExecutor() as pool:
        pages = [pool.submit(cached)]
        assert source.reading.wait(30)
        pages.append(pool.submit(cached))
        source.go.set()
        assert [page.result(30).rows for page in pages] == ["new", "new"]
