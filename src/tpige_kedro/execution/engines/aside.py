"""Tasks that stay in this process while workers do the others: calls that wait for services."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from tpige_kedro.execution.work import Answers, Job, Outcome, Task

POLL = 0.2  # seconds


class Aside:
    """Does ``tasks`` in a thread; what is finished is taken from :meth:`finished`, where at most two wait."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._finished: queue.Queue[Any] = queue.Queue(maxsize=2)
        self._stopped = threading.Event()
        self.is_done = not tasks
        if tasks:
            threading.Thread(target=self._work, args=(tasks,), daemon=True).start()

    def finished(self, wait: bool) -> Answers:
        """What was finished since the last time; with ``wait`` for a moment. Raises what a task raised."""
        while not self.is_done:
            try:
                found = self._finished.get(timeout=POLL) if wait else self._finished.get_nowait()
            except queue.Empty:
                return
            if isinstance(found, BaseException):
                raise found
            if found is None:
                self.is_done = True
                return
            yield found

    def stop(self) -> None:
        """Start nothing more; jobs in progress finish, and their results are discarded."""
        self._stopped.set()

    def _work(self, tasks: Sequence[Task]) -> None:
        try:
            for found in self._outcomes(tasks):
                self._put(found)
            self._put(None)
        except BaseException as error:  # raised where the run is
            self._put(error)

    def _outcomes(self, tasks: Sequence[Task]) -> Iterator[tuple[Job, Outcome]]:
        for task in tasks:
            for job, made in task.produce(list(task.jobs)):
                if self._stopped.is_set():
                    return
                yield job, made.result() if isinstance(made, Future) else made

    def _put(self, found: object) -> None:
        while not self._stopped.is_set():
            try:
                self._finished.put(found, timeout=POLL)
            except queue.Full:
                continue
            return
