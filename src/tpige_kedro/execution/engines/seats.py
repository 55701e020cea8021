"""A seat of the pool: its current worker, the models that the worker holds, and its tasks."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from tpige_kedro.execution.engines.protocol import Crew, Ticket, Worker
from tpige_kedro.execution.engines.queues import Entry
from tpige_kedro.execution.work import Place, Write


@dataclass
class Seat:
    """Work in its order; the first is under way. A ticket without an entry asks a new worker who it is."""

    place: Place
    worker: Worker | None = None
    holds: str = ""
    given: deque[tuple[Ticket, Entry | None]] = field(default_factory=deque)
    since: float = 0.0  # when the first was begun
    failed_starts: int = 0
    unable: set[str] = field(default_factory=set)  # models that it could not load
    pid: int = 0  # of the worker's process, once it has said so

    @property
    def is_busy(self) -> bool:
        """Whether it does a task."""
        return bool(self.given) and self.given[0][1] is not None

    @property
    def first(self) -> Ticket:
        """What it does now."""
        return self.given[0][0]

    def is_overdue(self, limit: float | None) -> bool:
        """Whether its task has taken longer than ``limit`` seconds."""
        return limit is not None and self.is_busy and time.monotonic() - self.since > limit

    def hire(self, crew: Crew) -> None:
        """Start a worker, unless one is running."""
        if self.worker is None:
            self.worker, self.holds = crew.hire(self.place), ""
            self.given.append((self.worker.hello(), None))
            self.since = time.monotonic()

    def give(self, entry: Entry, write: Write | None) -> None:
        """Hand the worker a task."""
        assert self.worker is not None
        if not self.given:
            self.since = time.monotonic()
        self.given.append((self.worker.begin(entry.task, write), entry))
        self.holds = entry.task.models

    def take(self) -> tuple[Ticket, Entry | None]:
        """Take the first, which has ended; the next is under way from now on."""
        self.since = time.monotonic()
        return self.given.popleft()

    def vacate(self) -> list[Entry]:
        """End the worker; return what it was given and did not finish."""
        if self.worker is not None:
            self.worker.end()
        left = [entry for _, entry in self.given if entry is not None]
        self.worker, self.holds = None, ""
        self.given.clear()
        return left
