"""The engine that the parameters name."""

from __future__ import annotations

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.engines.local import Local
from tpige_kedro.execution.engines.pool import Pool, Terms
from tpige_kedro.execution.engines.process_crew import ProcessCrew, processes_problem
from tpige_kedro.execution.engines.protocol import Engine
from tpige_kedro.execution.engines.ray_crew import RayCrew, ray_problem
from tpige_kedro.schemas import Execution


def build_engine(settings: Execution) -> Engine:
    """The engine of ``execution.engine``; workers are started when there is something to do.

    Raises:
        TpigeError: it cannot be used here.

    >>> build_engine(Execution())  # doctest: +ELLIPSIS
    <...Local object at ...>
    """
    if settings.engine == "local":
        return Local()
    if problem := engine_problem(settings):
        raise TpigeError(problem)
    crew = ProcessCrew(settings) if settings.engine == "processes" else RayCrew(settings)
    return Pool(crew, Terms(settings.tries, settings.time_limit))


def engine_problem(settings: Execution) -> str:
    """Why the engine cannot be used here; empty if it can."""
    if settings.engine == "processes":
        return processes_problem()
    return ray_problem() if settings.engine == "ray" else ""
