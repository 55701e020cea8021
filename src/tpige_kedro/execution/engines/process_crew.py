"""Workers as processes of this machine, on its GPUs or CPU cores: nothing to install, one machine only."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import psutil

import tpige_kedro
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.engines.protocol import Lost, Ticket
from tpige_kedro.execution.engines.worker import GIB, KILLED, LIMITED, Surroundings
from tpige_kedro.execution.threads import allowed
from tpige_kedro.execution.work import Place, Task, Write
from tpige_kedro.schemas import Execution

logger = logging.getLogger(__name__)

SERVE = "import sys; sys.path.insert(0, sys.argv[1]); from tpige_kedro.execution.engines.serving import main; main()"
ROOT = Path(tpige_kedro.__file__).parents[1]
EACH = 2 * GIB  # bytes of host memory that a worker without a GPU may need
LEAVING = 5.0  # seconds in which the system ends a killed process


def processes_problem() -> str:
    """Why this system cannot have such workers; empty if it can."""
    if sys.platform == "win32":
        return "execution.engine: processes needs Linux or macOS; set execution.engine to local"
    return ""


class ProcessTicket:
    """A call of a worker; its answers come in the order of the calls."""

    def __init__(self, worker: ProcessWorker) -> None:
        self.worker = worker

    def answer(self) -> Any:
        """What it returned. Raises :class:`Lost` if the process ended."""
        return self.worker.receive()


class ProcessWorker:
    """A process that does what it is sent; ``gpus`` are the ids of its own GPUs, ``freed`` is called when it has ended."""

    def __init__(
        self, surroundings: Surroundings, gpus: tuple[str, ...], freed: Callable[[], None]
    ) -> None:
        self._limit, self._freed = surroundings.gib, freed
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process)
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(ROOT), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "CUDA_VISIBLE_DEVICES": ",".join(gpus)},
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                start_new_session=True,  # Ctrl-C is for this process, which ends them
            )
        self.connection = Connection(ours.detach())
        self._send((surroundings, bool(gpus)))

    def hello(self) -> ProcessTicket:
        """See :class:`~.protocol.Worker`."""
        return self._send(None)

    def begin(self, task: Task, write: Write | None) -> ProcessTicket:
        """See :class:`~.protocol.Worker`."""
        return self._send((task, write))

    def end(self) -> None:
        """Kill the process. Its own children see their pipes close."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVING)
        self.connection.close()
        self._said.close()
        self._freed()

    def receive(self) -> Any:
        """Its next answer. Raises :class:`Lost`."""
        try:
            answer, problem = self.connection.recv()
        except (EOFError, OSError):
            raise Lost(self._cause_of_death()) from None
        if problem:
            raise Lost(problem)
        return answer

    def _send(self, message: object) -> ProcessTicket:
        with suppress(BrokenPipeError, ConnectionResetError):  # it is dead: its answer will say so
            self.connection.send_bytes(ForkingPickler.dumps(message))
        return ProcessTicket(self)

    def _cause_of_death(self) -> str:
        """Killed from outside or by itself for its memory; else the last line that it wrote."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVING)
        code = self._process.returncode
        if code == 1:
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").strip().splitlines()
            return lines[-1][:300] if lines else "exit code 1"
        return KILLED if self._limit is None else LIMITED.format(self._limit)


class ProcessCrew:
    """Processes, one or several GPUs each. Without any GPU they compute on the CPU.

    ``workers: auto`` is then one for each ``execution.threads`` processors, as far as the free memory goes.
    """

    def __init__(self, settings: Execution) -> None:
        self.settings = settings
        self.gpus_per_worker: float = 0
        self._free: list[tuple[str, ...]] = []
        self._surroundings = Surroundings.of_this_process(settings.threads, settings.worker_gib)

    def places(self) -> list[Place]:
        """See :class:`~.protocol.Crew`. Raises ``TpigeError`` where there are not as many GPUs as asked for."""
        gpus, each = visible_gpus(), self.settings.gpus_per_worker
        self.gpus_per_worker = each if gpus else 0
        count = self._count(len(gpus))
        if gpus and count * each > len(gpus):
            raise TpigeError(
                f"execution.workers: {count} workers of {each} GPUs each, and there are {len(gpus)} GPUs; lower workers or "
                "execution.gpus_per_worker"
            )
        each_has = f"{each} GPU{'s' * (each > 1)} each" if gpus else "on the CPU"
        logger.info("%d processes, %s", count, each_has)
        self._free = [tuple(gpus[i * each : (i + 1) * each]) for i in range(count)] if gpus else []
        places: list[Place] = ["gpu"] * count
        return places + ["cpu"] * self.settings.cpu_workers

    def hire(self, place: Place) -> ProcessWorker:
        """See :class:`~.protocol.Crew`."""
        if place == "cpu" or not self.gpus_per_worker:
            return ProcessWorker(self._surroundings, (), lambda: None)
        gpus = self._free.pop(0)
        return ProcessWorker(self._surroundings, gpus, lambda: self._free.append(gpus))

    def wait(self, tickets: Iterable[Ticket], seconds: float) -> list[Ticket]:
        """See :class:`~.protocol.Crew`."""
        waiting = {ticket.worker.connection: ticket for ticket in tickets}  # type: ignore[attr-defined]  # they are this crew's own
        return [waiting[ready] for ready in wait(list(waiting), seconds)]

    def close(self) -> None:
        """Nothing runs but the workers."""

    def _count(self, gpus: int) -> int:
        if self.settings.workers != "auto":
            return self.settings.workers
        if gpus:
            return max(1, gpus // self.settings.gpus_per_worker)
        by_memory = psutil.virtual_memory().available // EACH
        return int(max(1, min(allowed() // (self._surroundings.threads or 1), by_memory)))


def visible_gpus() -> list[str]:
    """The ids of the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` has them."""
    import torch

    count = torch.cuda.device_count()
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[:count] if named else [str(number) for number in range(count)]
