"""Workers as Ray actors: on the GPUs of this machine, or of a running cluster."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.engines.protocol import Answer, Hello, Lost, Ticket
from tpige_kedro.execution.engines.worker import KILLED, LIMITED, Surroundings, do, hello
from tpige_kedro.execution.threads import allowed
from tpige_kedro.execution.work import Place, Task, Write
from tpige_kedro.schemas import Execution

logger = logging.getLogger(__name__)

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
DETAIL = "Worker exit detail: "
INSTALL = "pip install 'tpige_kedro[ray]'"
OBJECT_STORE = 512 * 2**20  # bytes: two finished clips a worker are in there at most
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


def ray_problem() -> str:
    """Why Ray cannot be used; empty if it can."""
    if find_spec("ray") is None:
        return (
            f"execution.engine: ray is not installed; {INSTALL}, or set execution.engine to local"
        )
    return ""


class Actor:
    """What Ray runs in a worker process."""

    def __init__(self, surroundings: Surroundings, has_gpu: bool) -> None:
        surroundings.enter(has_gpu)

    def hello(self) -> Hello:
        """Who it is."""
        return hello()

    def do(self, task: Task, write: Write | None) -> Answer:
        """Do a task."""
        return do(task, write)


class RayTicket:
    """A call of an actor."""

    def __init__(self, reference: Any, killed: str) -> None:
        self.reference, self._killed = reference, killed

    def answer(self) -> Any:
        """What it returned. Raises :class:`Lost` if the actor died; what the call raised itself is a defect, and is raised."""
        import ray
        from ray.exceptions import RayActorError, RayError, RayTaskError

        try:
            return ray.get(self.reference)
        except RayTaskError as error:
            raise Lost(f"the task could not be received or returned: {error.cause!r}") from error
        except RayActorError as error:
            raise Lost(cause_of_death(error, self._killed)) from error
        except RayError as error:  # its result was on a node that is gone
            raise Lost(" ".join(str(error).split())) from error


def cause_of_death(error: Exception, killed: str = KILLED) -> str:
    """What Ray's paragraph says about why: an error where the worker started, else how its process ended.

    >>> cause_of_death(
    ...     RuntimeError(
    ...         "The actor died.\\nWorker exit type: SYSTEM_ERROR Worker exit detail: Exit code 1. See there."
    ...     )
    ... )
    'Exit code 1'
    """
    lines = [line for line in COLOURS.sub("", str(error)).splitlines() if line.strip()]
    for line in lines:
        _, found, detail = line.partition(DETAIL)
        if found:
            return killed if "End of file" in detail else detail.partition(". ")[0].strip()
    raised = [line.strip() for line in lines if "Error: " in line and not line.startswith(" ")]
    return (raised[-1:] or lines[:1] or [type(error).__name__])[0][:300]


class RayWorker:
    """An actor, seen from here."""

    def __init__(self, actor: Any, killed: str) -> None:
        self._actor, self._killed = actor, killed

    def hello(self) -> RayTicket:
        """See :class:`~.protocol.Worker`."""
        return RayTicket(self._actor.hello.remote(), self._killed)

    def begin(self, task: Task, write: Write | None) -> RayTicket:
        """See :class:`~.protocol.Worker`."""
        return RayTicket(self._actor.do.remote(task, write), self._killed)

    def end(self) -> None:
        """Kill the process. Its own children see their pipes close."""
        import ray

        with suppress(Exception):  # it is dead already, or Ray is
            ray.kill(self._actor, no_restart=True)


class RayCrew:
    """Actors, one or several GPUs each; Ray is started on this machine unless ``execution.address`` names a cluster.

    Without any GPU the workers compute on the CPU, one for each ``execution.threads`` processors.
    """

    def __init__(self, settings: Execution) -> None:
        self.settings = settings
        self.gpus_per_worker: float = 0
        self._started = False
        self._surroundings = Surroundings.of_this_process(settings.threads, settings.worker_gib)

    def places(self) -> list[Place]:
        """See :class:`~.protocol.Crew`. Raises ``TpigeError`` where there are not as many GPUs as asked for."""
        import ray

        self._connect()
        gpus = int(ray.cluster_resources().get("GPU", 0))
        self.gpus_per_worker = self.settings.gpus_per_worker if gpus else 0
        count = self._count(gpus)
        if gpus and count * self.gpus_per_worker > gpus:
            raise TpigeError(
                f"execution.workers: {count} workers of {self.gpus_per_worker} GPUs each, and there are {gpus} GPUs; lower workers or "
                "execution.gpus_per_worker"
            )
        logger.info("ray: %d workers, %g GPUs each", count, self.gpus_per_worker)
        places: list[Place] = ["gpu"] * count
        return places + ["cpu"] * self.settings.cpu_workers

    def hire(self, place: Place) -> RayWorker:
        """See :class:`~.protocol.Crew`."""
        import ray

        gpus = self.gpus_per_worker if place == "gpu" else 0
        options = {
            "num_gpus": gpus,
            "num_cpus": 0,
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": 1,
        }
        actor = ray.remote(Actor).options(**options)
        limit = self.settings.worker_gib
        killed = KILLED if limit is None else LIMITED.format(limit)
        return RayWorker(actor.remote(self._surroundings, bool(gpus)), killed)

    def wait(self, tickets: Iterable[Ticket], seconds: float) -> list[Ticket]:
        """See :class:`~.protocol.Crew`."""
        import ray

        waiting = {ticket.reference: ticket for ticket in tickets}  # type: ignore[attr-defined]  # they are this crew's own
        references = list(waiting)
        ready, rest = ray.wait(references, num_returns=1, timeout=seconds, fetch_local=True)
        if rest and ready:  # whatever else is there by now
            more, _ = ray.wait(rest, num_returns=len(rest), timeout=0, fetch_local=True)
            ready += more
        return [waiting[reference] for reference in ready]

    def close(self) -> None:
        """Stop Ray, if it was started here."""
        if self._started:
            import ray

            self._started = False
            ray.shutdown()

    def _count(self, gpus: int) -> int:
        if self.settings.workers != "auto":
            return self.settings.workers
        if gpus:
            return max(1, gpus // self.settings.gpus_per_worker)
        return max(1, allowed() // (self._surroundings.threads or 1))

    def _connect(self) -> None:
        with as_before():
            import ray

            if ray.is_initialized():
                return
            options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
            # workers put each in front of their own, so that the last is the first
            paths = [path for path in reversed(sys.path) if path]
            options["job_config"] = ray.job_config.JobConfig(_py_driver_sys_path=paths)
            if self.settings.address is not None:
                options["address"] = self.settings.address
            else:  # "local": whatever RAY_ADDRESS says
                options |= {"address": "local", "num_cpus": allowed()}
                options |= {"include_dashboard": False, "object_store_memory": OBJECT_STORE}
            try:
                ray.init(**options)
            except (ConnectionError, RuntimeError, ValueError) as error:
                where = self.settings.address or "on this machine"
                raise TpigeError(
                    f"execution.engine: Ray does not start ({where}): {error}; check execution.address, or set execution.engine to local"
                ) from error
            self._started = True


@contextmanager
def as_before() -> Iterator[None]:
    """What Ray changes in this process is put back: how signals and errors are handled, and what the environment says."""
    in_main = threading.current_thread() is threading.main_thread()
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    hook, kept = sys.excepthook, {name: os.environ.get(name) for name in QUIET}
    os.environ.update(QUIET)
    try:
        yield
    finally:
        sys.excepthook = hook
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for number, handler in handlers.items() if in_main else ():
            if handler is not None:
                signal.signal(number, handler)
