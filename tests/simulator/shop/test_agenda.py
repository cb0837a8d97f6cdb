"""What is planned happens in its order, packed or not, also when it is saved and taken up again
anywhere in between.
"""

import io
import json
from heapq import heappop, heappush
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from simulator import snapshot
from simulator.shop.agenda import Agenda
from simulator.shop.slots import SLOT, Packing, Slots

DIGITS = Packing(lambda subject: str(subject).encode(), int)
# Many at equal times, at the edges of slots, and far away.
TIMES = st.one_of(
    st.integers(0, 5),
    st.builds(lambda slot, off: max(slot * SLOT + off, 0), st.integers(0, 4), st.integers(-1, 1)),
    st.integers(0, 10**13),
)
PLANS = st.lists(st.tuples(TIMES, st.sampled_from(["packed", "plain"])), max_size=12)


def an_agenda(happened: list[tuple[int, int]], plans: list[list[tuple[int, str]]], numbers: "count[int]") -> Agenda:
    """Return an agenda on which each task plans the next of `plans`, and notes itself."""
    agenda = Agenda()

    def note(at: int, number: int) -> None:
        happened.append((at, number))
        for later, name in plans.pop() if plans else []:
            agenda.plan(at + later, name, next(numbers))

    agenda.knows("plain", note)
    agenda.knows("packed", note, packing=DIGITS)
    return agenda


def expected(plans: list[list[tuple[int, str]]]) -> list[tuple[int, int]]:
    """Return what happens in order of time, and of planning where times are equal."""
    numbers, heap, happened = count(), [(0, -1)], []
    while heap:
        at, number = heappop(heap)
        happened.append((at, number))
        for later, _ in plans.pop() if plans else []:
            heappush(heap, (at + later, next(numbers)))
    return happened


def saved(agenda: Agenda) -> dict[str, object]:
    file = io.BytesIO()
    snapshot.dump({"agenda": agenda.state()}, file)
    file.seek(0)
    return snapshot.loaded(file)["agenda"]  # type: ignore[no-any-return]


@given(plans=st.lists(PLANS, max_size=20), resumed=st.sets(st.integers(0, 60)))
def test_everything_happens_in_order_of_time_and_of_planning_wherever_it_is_resumed(
    plans: list[list[tuple[int, str]]], resumed: set[int]
) -> None:
    happened: list[tuple[int, int]] = []
    wanted, left, numbers = expected(list(plans)), list(plans), count()
    agenda = an_agenda(happened, left, numbers)
    agenda.plan(0, "plain", -1)
    for step in range(len(wanted)):
        if step in resumed:
            state = saved(agenda)
            agenda = an_agenda(happened, left, numbers)
            agenda.resume(state)
        agenda.happen()
    assert happened == wanted


def test_what_was_saved_is_read_though_other_actions_are_known_now() -> None:
    before, happened = Agenda(), []
    before.knows("second", lambda at, subject: None, packing=DIGITS)
    before.plan(3 * SLOT, "second", 5)
    after = Agenda()
    after.knows("first", lambda at, subject: None, packing=DIGITS)
    after.knows("second", lambda at, subject: happened.append((at, subject)), packing=DIGITS)
    after.resume(saved(before))
    after.happen()
    assert happened == [(3 * SLOT, 5)]


def test_a_state_without_slots_is_one_of_the_first_format() -> None:
    happened: list[tuple[int, int]] = []
    agenda = an_agenda(happened, [], count())
    agenda.resume(json.loads(json.dumps({"planned": 2, "tasks": [[5, 1, "plain", 1], [7 * SLOT, 2, "packed", 2]]})))
    agenda.happen()
    agenda.happen()
    assert happened == [(5, 1), (7 * SLOT, 2)]


def test_a_packed_task_takes_twelve_bytes_more_than_its_subject() -> None:
    slots = Slots()
    for number in range(100):
        slots.add(SLOT + number, 2**40 - 1 - number, 255, b"x" * 500)
    assert [len(tasks) for _, tasks in slots.state()] == [100 * 512]
    assert list(slots.take())[7] == (SLOT + 7, 2**40 - 8, 255, b"x" * 500)
