"""Workers inside this process, for tests and debugging: tasks and answers are pickled as for real workers."""

from __future__ import annotations

import os
import pickle
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tpige_kedro.execution.engines.protocol import Answer, Hello, Lost, Ticket
from tpige_kedro.execution.engines.worker import do
from tpige_kedro.execution.work import Place, Task, Write


class Died(BaseException):
    """Raised in a task, it ends the worker as a kill would."""


@dataclass(eq=False)
class Waiting:
    """A task in pickled form, done when its answer is requested."""

    worker: InProcess
    task: bytes | None
    result: Any = None

    def answer(self) -> Any:
        """Do it now."""
        if self.worker.is_dead:
            raise Lost("its worker had died")
        if self.task is None:
            return self.worker.greeting()
        try:
            answer = do(*pickle.loads(self.task))
        except Died as death:
            self.worker.end()
            raise Lost(str(death) or "it died") from None
        self.worker.done += 1
        return pickle.loads(pickle.dumps(replace(answer, said=[])))  # it was logged here


@dataclass(eq=False)
class InProcess:
    """One of them."""

    place: Place
    is_dead: bool = False
    done: int = 0

    def greeting(self) -> Hello:
        """Who it is: this process."""
        from tpige_kedro.provenance import environment

        return Hello(platform.node(), os.getpid(), environment())

    def hello(self) -> Waiting:
        """See :class:`~.protocol.Worker`."""
        return Waiting(self, None)

    def begin(self, task: Task, write: Write | None) -> Waiting:
        """See :class:`~.protocol.Worker`."""
        return Waiting(self, pickle.dumps((task, write)))

    def end(self) -> None:
        """See :class:`~.protocol.Worker`."""
        self.is_dead = True


@dataclass
class InProcessCrew:
    """So many of them; ``hired`` are all that ever were."""

    count: int = 2
    gpus_per_worker: float = 1
    cpu_count: int = 0
    hired: list[InProcess] = field(default_factory=list)

    def places(self) -> list[Place]:
        """See :class:`~.protocol.Crew`."""
        gpus: list[Place] = ["gpu"] * self.count
        cpus: list[Place] = ["cpu"] * self.cpu_count
        return gpus + cpus

    def hire(self, place: Place) -> InProcess:
        """See :class:`~.protocol.Crew`."""
        self.hired.append(InProcess(place))
        return self.hired[-1]

    def wait(self, tickets: Iterable[Ticket], seconds: float) -> list[Ticket]:
        """All of them: they are done when their answer is requested."""
        return list(tickets)

    def close(self) -> None:
        """Nothing was started."""


__all__ = ["Answer", "Died", "InProcess", "InProcessCrew"]
