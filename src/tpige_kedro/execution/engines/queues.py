"""The tasks that wait for a worker: by models, so that a worker keeps what it has loaded, the longest first."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from itertools import count

from tpige_kedro.execution.work import Place, Task


@dataclass
class Entry:
    """A task with the number of times that it was tried in vain."""

    task: Task
    tries: int = 0


@dataclass
class Queue:
    """The tasks of the same models. ``seconds`` is the observed time of a task of cost 1."""

    place: Place
    heap: list[tuple[int, float, int, Entry]] = field(default_factory=list)
    cost: float = 0.0
    seconds: float = 0.0
    seen: int = 0

    @property
    def left(self) -> float:
        """How long one worker would take for all of them, in seconds or, before any was seen, in units of cost."""
        return self.cost * (self.seconds or 1.0)


class Queues:
    """Gives each worker the task that it should do next.

    A worker stays with the models that it holds for as long as there are tasks for them. Then it turns to those of which there is
    most to do for each worker that holds them already. Tasks that were tried in vain come last.
    """

    def __init__(self) -> None:
        self._queues: dict[tuple[Place, str], Queue] = {}
        self._number = count()

    def __len__(self) -> int:
        return sum(len(queue.heap) for queue in self._queues.values())

    def add(self, entry: Entry) -> None:
        """Let a task wait."""
        task = entry.task
        queue = self._queues.setdefault((task.place, task.models), Queue(task.place))
        heapq.heappush(queue.heap, (entry.tries, -task.cost, next(self._number), entry))
        queue.cost += task.cost

    def took(self, task: Task, seconds: float) -> None:
        """Learn how long a task took."""
        queue = self._queues[task.place, task.models]
        queue.seen += 1
        queue.seconds += (seconds / task.cost - queue.seconds) / queue.seen

    def usual_seconds(self, task: Task) -> float | None:
        """How long a task like this one takes; None as long as none was finished."""
        queue = self._queues[task.place, task.models]
        return queue.seconds * task.cost if queue.seen else None

    def waiting_at(self, place: Place, unable: Set[str] = frozenset()) -> int:
        """How many tasks a worker at ``place`` can choose from that cannot load the models ``unable``."""
        return sum(
            len(queue.heap)
            for (_, models), queue in self._queues.items()
            if suits(place, queue.place) and models not in unable
        )

    def drain(self, like: Task) -> list[Entry]:
        """Take all tasks that need the same models at the same place."""
        queue = self._queues[like.place, like.models]
        entries = [entry for *_, entry in sorted(queue.heap)]
        queue.heap.clear()
        queue.cost = 0.0
        return entries

    def without_place(self, places: Set[Place]) -> bool:
        """Whether there are tasks that no worker at ``places`` can do."""
        return any(
            queue.heap and not any(suits(place, queue.place) for place in places)
            for queue in self._queues.values()
        )

    def take(
        self,
        place: Place,
        holds: str,
        held: Mapping[str, int],
        unable: Set[str] = frozenset(),
    ) -> Entry | None:
        """The next task for a worker at ``place`` that ``holds`` models and cannot load those in ``unable``.

        ``held`` counts the workers by the models they hold.
        """
        suitable = {
            key: queue
            for key, queue in self._queues.items()
            if queue.heap and suits(place, queue.place) and key[1] not in unable
        }
        if not suitable:
            return None
        best = max(
            suitable,
            key=lambda key: (
                key[0] == place,  # a worker with a GPU leaves the others' tasks to them
                key[1] == holds,
                suitable[key].left / (1 + held.get(key[1], 0)),
            ),
        )
        queue = suitable[best]
        *_, entry = heapq.heappop(queue.heap)
        queue.cost -= entry.task.cost
        return entry


def suits(worker: Place, task: Place) -> bool:
    """Whether a worker can do a task: a GPU does no harm.

    >>> suits("gpu", "cpu"), suits("cpu", "gpu")
    (True, False)
    """
    return worker == task or (worker == "gpu" and task == "cpu")
