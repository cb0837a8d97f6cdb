"""What is planned for later, packed: a few dozen bytes a task, by the ten minutes in which it falls
due.
"""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from struct import Struct
from typing import Any, NamedTuple

from simulator.shop.chance import MINUTE

SLOT = 10 * MINUTE
NEVER = 1 << 63
# Microseconds into the slot; number, low and high part; which action; length of the subject.
TASK = Struct("<IIBBH")
LOW = 0xFFFF_FFFF

# Time, number, which action, packed subject.
Packed = tuple[int, int, int, bytes]


class Packing(NamedTuple):
    """How the subject of an action becomes bytes, and bytes the subject."""

    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]


class Slots:
    """Packed tasks that are taken out slot by slot; `first` is the time at which the first one
    begins, and `horizon` the end of those that were taken out.
    """

    def __init__(self) -> None:
        self._slots: dict[int, bytearray] = {}
        self._order: list[int] = []
        self.first, self.horizon = NEVER, 0

    def add(self, at: int, number: int, action: int, subject: bytes) -> None:
        """Put a task into the slot of its time."""
        slot = at // SLOT
        tasks = self._slots.get(slot)
        if tasks is None:
            tasks = self._slots[slot] = bytearray()
            heappush(self._order, slot)
            self.first = self._order[0] * SLOT
        tasks += TASK.pack(at - slot * SLOT, number & LOW, number >> 32, action, len(subject)) + subject

    def take(self) -> Iterator[Packed]:
        """Take the first slot out and yield the tasks in it as they were added."""
        slot = heappop(self._order)
        tasks = bytes(self._slots.pop(slot))
        self.first = self._order[0] * SLOT if self._order else NEVER
        self.horizon = (slot + 1) * SLOT
        start, position = slot * SLOT, 0
        while position < len(tasks):
            at, low, high, action, size = TASK.unpack_from(tasks, position)
            position += TASK.size
            yield start + at, high << 32 | low, action, tasks[position : position + size]
            position += size

    def state(self) -> list[list[Any]]:
        """Return slots and their bytes, which go on growing: write them before the next task."""
        return [[slot, tasks] for slot, tasks in self._slots.items()]

    def resume(self, state: list[list[Any]]) -> None:
        """Go on with the saved slots, whose bytes are not copied."""
        self._slots = dict(state)
        self._order = list(self._slots)
        heapify(self._order)
        self.first, self.horizon = self._order[0] * SLOT if self._order else NEVER, 0
