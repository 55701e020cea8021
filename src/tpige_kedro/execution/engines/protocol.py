"""What an engine is, and what a pool of workers needs from the processes behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from logging import LogRecord
from typing import Any, Protocol

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.progress import Step
from tpige_kedro.execution.work import Job, Made, Outcome, Place, Task, Work, Write


class Engine(Protocol):
    """How jobs are done. With every engine, only the calling process commits."""

    def answers(
        self, todo: list[Job], work: Work, write: Write | None
    ) -> Iterator[tuple[Job, Made]]:
        """An outcome for every job, in any order; ``write`` makes files of outputs, None where they are JSON.

        Errors that end the run are raised. Closing the iterator stops the jobs in progress.
        """
        ...

    def shown_progress(self, label: str, total: int) -> AbstractContextManager[Step]:
        """Show the progress of a stage; call the yielded function after each item."""
        ...

    def close(self) -> None:
        """Release workers and their models; the engine starts them again if necessary."""
        ...


@dataclass(frozen=True)
class Hello:
    """A worker that has started: its host and process, and the code and libraries that it runs."""

    host: str
    pid: int
    environment: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The result of a task: the outcomes by key, what ``produce`` raised, and what was logged.

    ``seconds`` it took, loading included. A worker that is ``broken``, for instance by a CUDA error, is replaced.
    """

    outcomes: list[tuple[str, Outcome]]
    raised: Exception | None = None
    broken: bool = False
    seconds: float = 0.0
    said: list[LogRecord] = field(default_factory=list)


class Lost(TpigeError):
    """A worker ended before it answered; the message says why, if that is known."""


class Ticket(Protocol):
    """A task that was given to a worker."""

    def answer(self) -> Any:
        """The result. Raises :class:`Lost`."""
        ...


class Worker(Protocol):
    """A process that does one task after another and keeps the models that it loaded last."""

    def hello(self) -> Ticket:
        """Ask the worker to identify itself; the answer is a :class:`Hello`."""
        ...

    def begin(self, task: Task, write: Write | None) -> Ticket:
        """Give it a task; tasks are done in this order. The answer is an :class:`Answer`."""
        ...

    def end(self) -> None:
        """Kill it, whatever it is doing."""
        ...


class Crew(Protocol):
    """Where workers come from."""

    gpus_per_worker: float

    def places(self) -> list[Place]:
        """How many workers there will be, and where each one is. Starts what they need."""
        ...

    def hire(self, place: Place) -> Worker:
        """Start one; it may still be starting when this returns."""
        ...

    def wait(self, tickets: Iterable[Ticket], seconds: float) -> list[Ticket]:
        """Those that were answered or lost, at the latest after ``seconds``."""
        ...

    def close(self) -> None:
        """Stop what :meth:`places` started."""
        ...
