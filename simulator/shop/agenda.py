"""What is going to happen, in order of time; all of it can be saved and taken up again."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from simulator.shop.slots import Packing, Slots

Action = Callable[[int, Any], None]


class Agenda:
    """A heap of (time, number, action's name, subject); the number keeps equal times in the order
    they were planned.

    Subjects that have a packing wait as bytes until ten minutes before they are due.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, Any]] = []
        self._slots = Slots()
        self._planned = 0
        self._actions: dict[str, Action] = {}
        self._kinds: dict[str, Callable[..., Any]] = {}
        self._packings: dict[str, Packing] = {}
        # Slots hold the position of an action's name in this list.
        self._packed: list[str] = []

    def knows(self, name: str, action: Action, kind: Callable[..., Any] | None = None, packing: Packing | None = None) -> None:
        """Call `action` whenever `name` falls due; `kind` is the dataclass of its subject, where it
        has one. What has a `packing` can be neither postponed nor cancelled.
        """
        self._actions[name] = action
        if kind is not None:
            self._kinds[name] = kind
        if packing is not None:
            self._packings[name] = packing
            self._packed.append(name)

    def plan(self, at: int, name: str, subject: Any = None) -> None:
        """Let the action called `name` happen to `subject` at time `at`."""
        self._planned += 1
        if name in self._packings and at >= self._slots.horizon:
            self._put_aside(at, self._planned, name, subject)
        else:
            heappush(self._heap, (at, self._planned, name, subject))

    def _put_aside(self, at: int, number: int, name: str, subject: Any) -> None:
        self._slots.add(at, number, self._packed.index(name), self._packings[name].pack(subject))

    def happen(self) -> int:
        """Do what is due next and return its time."""
        heap = self._heap
        while not heap or heap[0][0] >= self._slots.first:
            for at, number, action, packed in self._slots.take():
                heappush(heap, (at, number, self._packed[action], packed))
        at, _, name, subject = heappop(heap)
        if type(subject) is bytes:
            subject = self._packings[name].unpack(subject)
        self._actions[name](at, subject)
        return at

    def postpone(self, names: set[str], delay: int) -> None:
        """Let what is planned under these `names` happen later by `delay`."""
        self._heap = [(at + delay if name in names else at, n, name, subject) for at, n, name, subject in self._heap]
        heapify(self._heap)

    def cancel(self, names: set[str]) -> None:
        """Forget what is planned under these `names`."""
        self._heap = [task for task in self._heap if task[2] not in names]
        heapify(self._heap)

    def state(self) -> dict[str, Any]:
        """Return everything planned as a snapshot can hold it; it shares its subjects, so write it
        before the next event.
        """
        tasks, due = [], Slots()
        for at, n, name, subject in self._heap:
            if name in self._packings:
                packed = subject if type(subject) is bytes else self._packings[name].pack(subject)
                due.add(at, n, self._packed.index(name), packed)
            else:
                tasks.append([at, n, name, self._plain(name, subject)])
        slots = [*due.state(), *self._slots.state()]
        return {"planned": self._planned, "tasks": tasks, "packed": list(self._packed), "slots": slots}

    def resume(self, state: dict[str, Any]) -> None:
        """Replace the plan by a saved `state`; in the first format of snapshots nothing is
        packed.
        """
        self._planned = state["planned"]
        before = state.get("packed", [])
        self._packed = [*before, *(name for name in self._packed if name not in before)]
        self._heap, self._slots = [], Slots()
        self._slots.resume(state.get("slots", []))
        for at, number, name, plain in state["tasks"]:
            subject = self._revived(name, plain)
            if name in self._packings:
                self._put_aside(at, number, name, subject)
            else:
                heappush(self._heap, (at, number, name, subject))

    def _plain(self, name: str, subject: Any) -> Any:
        return {field: getattr(subject, field) for field in subject.__slots__} if name in self._kinds else subject

    def _revived(self, name: str, subject: Any) -> Any:
        kind = self._kinds.get(name)
        return subject if kind is None else kind(**subject)
