"""Events leave when the simulated clock reaches them: not early, hardly late, in order, none
lost.
"""

from collections.abc import Iterator
from itertools import count, islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from simulator.event import Event
from simulator.pace import LONGEST_BATCH, MICROS, TICK_S, Clock, Events, SteadyTime, bulk, micros, paced

NOW = 1_700_000_000.0


class Host:
    """A machine whose clock can be set, and whose time passes when somebody waits."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.set_by = 0.0

    def wall(self) -> float:
        return NOW + self.elapsed + self.set_by

    def monotonic(self) -> float:
        return 1_234.5 + self.elapsed

    def wait(self, seconds: float) -> bool:
        self.elapsed += seconds
        return False


class SteppingTime:
    """A clock that only moves when somebody waits, or by `cost` seconds each time it is read."""

    def __init__(self, cost: float = 0.0) -> None:
        self.seconds = NOW
        self.cost = cost

    def now(self) -> float:
        self.seconds += self.cost
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        return False


def event(at: int) -> Event:
    return Event("shop.clicks", "k", at, {})


def every(micros_apart: int, start: float = NOW) -> Iterator[Event]:
    return (event(micros(start) + number * micros_apart) for number in count())


@given(gaps=st.lists(st.integers(0, 20_000), min_size=1, max_size=300), speed=st.sampled_from([0.5, 1.0, 10.0, 1000.0]))
def test_no_event_leaves_early_nor_more_than_a_tick_late(gaps: list[int], speed: float) -> None:
    steps = SteppingTime()
    start = micros(NOW - 30 * 86_400) if speed > 1 else micros(NOW)
    clock = Clock(start, speed, steps.now)
    at, sent = start, []
    events = []
    for gap in gaps:
        at += gap
        events.append(event(at))
    for batch in paced(Events(iter(events)), clock, 86_400.0, steps.wait):
        for each in batch:
            assert -1e-6 <= steps.seconds - clock.due(each.at) <= TICK_S + 1e-6
        sent.extend(batch)
    assert sent == events


def test_at_speed_one_an_event_is_due_the_moment_it_happens() -> None:
    clock = Clock(micros(NOW), 1.0, lambda: NOW + 0.4, began=NOW)
    assert clock.due(micros(NOW + 7.25)) == pytest.approx(NOW + 7.25, abs=1e-6)


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0, -40.0, 40.0])
def test_a_host_clock_that_is_set_neither_stops_the_shop_nor_makes_it_hurry(step: float) -> None:
    host = Host()
    clock = Clock(micros(NOW), 1.0, SteadyTime(host.wall, host.monotonic).now)
    left: list[float] = []
    for batch in paced(Events(every(100_000)), clock, 20.0, host.wait):
        left.append(host.elapsed)
        assert len(batch) == 1
        assert clock.behind(batch[0].at) < 2 * TICK_S
        host.set_by = step if len(left) >= 50 else 0.0
    assert left == pytest.approx([number / 10 for number in range(200)], abs=2 * TICK_S)


def test_each_time_that_the_host_clock_was_set_is_one_line() -> None:
    host = Host()
    real_time = SteadyTime(host.wall, host.monotonic)
    with capture_logs() as logs:
        for set_by in (0.0, 3.0, -4.0, 3_600.0, 3_601.0, 3_598.0, -5.5):
            host.set_by = set_by
            host.wait(60.0)
            assert [real_time.now() for _ in range(3)] == [pytest.approx(NOW + host.elapsed, abs=1e-3)] * 3
    assert [(line["event"], line["ahead_of_the_shop_s"]) for line in logs] == [
        ("host_clock_was_set", 3_600.0),
        ("host_clock_was_set", -5.5),
    ]


def test_a_fast_clock_catches_up_with_the_present_and_stays_there() -> None:
    clock = Clock(micros(NOW - 90), 10.0, lambda: NOW)
    assert clock.due(micros(NOW - 80)) == pytest.approx(NOW + 1)
    assert clock.due(micros(NOW + 10)) == pytest.approx(NOW + 10)
    assert clock.due(micros(NOW + 500)) == pytest.approx(NOW + 500)


@given(starts=st.integers(0, 10**7), ats=st.lists(st.integers(0, 10**9), min_size=2), speed=st.floats(0.1, 10_000))
def test_events_are_never_from_the_future_and_keep_their_order(starts: int, ats: list[int], speed: float) -> None:
    clock = Clock(micros(NOW - starts), speed, lambda: NOW)
    dues = [(clock.due(clock.start + at), clock.start + at) for at in sorted(ats)]
    assert all(due >= at / MICROS for due, at in dues)
    assert all(earlier <= later for (earlier, _), (later, _) in pairwise(dues))


def test_a_slow_machine_gets_full_batches_and_is_told_how_far_behind_it_is() -> None:
    steps = SteppingTime(cost=5.0)
    clock = Clock(micros(NOW), 1.0, steps.now)
    batches = list(islice(paced(Events(every(1_000)), clock, 3_600.0, steps.wait), 20))
    assert max(map(len, batches)) == LONGEST_BATCH
    assert clock.behind(batches[-1][-1].at) > 10


def test_it_ends_after_its_duration_and_keeps_what_was_not_sent() -> None:
    steps = SteppingTime()
    events = Events(every(100_000))
    clock = Clock(micros(NOW), 1.0, steps.now)
    sent = [each for batch in paced(events, clock, 2.0, steps.wait) for each in batch]
    assert len(sent) == 20
    assert steps.seconds == pytest.approx(NOW + 2.0, abs=TICK_S)
    assert next(events).at == micros(NOW + 2.0)


def test_asked_to_stop_it_sends_no_more_and_loses_none() -> None:
    steps = SteppingTime()
    events = Events(every(100_000))
    sent = [
        e
        for b in paced(events, Clock(micros(NOW), 1.0, steps.now), 60.0, lambda _: steps.now() >= NOW + 1 or steps.wait(0.1))
        for e in b
    ]
    following = next(events)
    assert following.at == sent[-1].at + 100_000


def test_the_present_ends_a_bulk_and_the_future_stays_unsent() -> None:
    events = Events(every(1_000))
    end = micros(NOW) + 2_500_000
    sent = [each for batch in bulk(events, end, lambda _: False) for each in batch]
    assert [sent[0].at, sent[-1].at] == [micros(NOW), end - 1_000]
    assert [each.at for each in islice(events, 600)] == [end + number * 1_000 for number in range(600)]


def test_a_bulk_stops_between_batches_when_asked() -> None:
    assert len(list(bulk(Events(every(1_000)), 2**60, lambda _: True))) == 1


def test_between_two_batches_the_event_already_taken_is_among_the_unsent() -> None:
    steps, events = SteppingTime(), Events(every(100_000))
    batches = paced(events, Clock(micros(NOW), 1.0, steps.now), 60.0, steps.wait)
    sent = next(batches)
    assert [each.at for each in events.unsent] == [sent[-1].at + 100_000]
