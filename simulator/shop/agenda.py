"""What is going to happen, in order of time; all of it can be saved and taken up again."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

Action = Callable[[int, Any], None]


class Agenda:
    """A heap of (time, number, action's name, subject); the number keeps equal times in the order
    they were planned.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, Any]] = []
        self._planned = 0
        self._actions: dict[str, Action] = {}
        self._kinds: dict[str, Callable[..., Any]] = {}

    def knows(self, name: str, action: Action, kind: Callable[..., Any] | None = None) -> None:
        """Call `action` whenever `name` falls due; `kind` is the dataclass of its subject, where it
        has one.
        """
        self._actions[name] = action
        if kind is not None:
            self._kinds[name] = kind

    def plan(self, at: int, name: str, subject: Any = None) -> None:
        """Let the action called `name` happen to `subject` at time `at`."""
        self._planned += 1
        heappush(self._heap, (at, self._planned, name, subject))

    def happen(self) -> int:
        """Do what is due next and return its time."""
        at, _, name, subject = heappop(self._heap)
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
        """Return everything planned as JSON can hold it; it shares its subjects, so write it before
        the next event.
        """
        tasks = [[at, n, name, self._plain(name, subject)] for at, n, name, subject in self._heap]
        return {"planned": self._planned, "tasks": tasks}

    def resume(self, state: dict[str, Any]) -> None:
        """Replace the plan by a saved `state`."""
        self._planned = state["planned"]
        self._heap = [(at, n, name, self._revived(name, subject)) for at, n, name, subject in state["tasks"]]
        heapify(self._heap)

    def _plain(self, name: str, subject: Any) -> Any:
        return {field: getattr(subject, field) for field in subject.__slots__} if name in self._kinds else subject

    def _revived(self, name: str, subject: Any) -> Any:
        kind = self._kinds.get(name)
        return subject if kind is None else kind(**subject)
