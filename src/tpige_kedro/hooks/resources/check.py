"""Everything that a run needs from the hub, this machine and local servers, checked once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.pipeline import Pipeline

from tpige_kedro.execution.machine import (
    Gpus,
    HostMemory,
    Room,
    free_gpu_memory,
    gpus,
    host_memory,
    room,
)
from tpige_kedro.hooks.preflight import needed_models
from tpige_kedro.hooks.resources.disk import check_disks, needs_of
from tpige_kedro.hooks.resources.downloads import (
    Ask,
    ask_hub,
    check_hub,
    check_options,
    hub_cache,
    look_at_hub,
)
from tpige_kedro.hooks.resources.memory import check_gpus, check_host_memory
from tpige_kedro.hooks.resources.outlook import cost_line, download_line, memory_line, write_line
from tpige_kedro.hooks.resources.problem import Problem
from tpige_kedro.hooks.resources.servers import check_servers
from tpige_kedro.hooks.resources.writes import expected_writes
from tpige_kedro.schemas import Parameters
from tpige_kedro.video_generators.imported import is_imported

if TYPE_CHECKING:
    from kedro.io import DataCatalog


@dataclass(frozen=True)
class Machine:
    """How a run looks at the hub and at this machine; tests put other ones."""

    ask: Ask = ask_hub
    gpus: Callable[[], Gpus] = gpus
    free_gpu_memory: Callable[[int], int] = free_gpu_memory
    host_memory: Callable[[], HostMemory] = host_memory
    room: Callable[[Path], Room] = room


THIS = Machine()


@dataclass(frozen=True)
class Resources:
    """What is wrong with models (each problem names them) and disks, and what the run will download, need and cost, in lines."""

    of_models: list[Problem]
    of_disks: list[str]
    outlook: list[str]


def look_at_resources(
    pipeline: Pipeline, parameters: Parameters, catalog: DataCatalog, machine: Machine = THIS
) -> Resources:
    """Look at everything that the nodes of ``pipeline`` need, before anything is loaded or paid.

    A run whose models state no memory and come from no hub and no service imports no torch and asks nobody.
    """
    needed = needed_models(pipeline, parameters)
    look, look_at_host = cache(machine.gpus), cache(machine.host_memory)
    downloads = look_at_hub(needed, parameters, machine.ask)
    of_hub = hub_cache() if downloads else Path()
    generators = made_here(needed, parameters)
    writes = needs_of(downloads, of_hub, expected_writes(pipeline, parameters, generators, catalog))
    lines = [
        *download_line(downloads, of_hub, machine.room),
        *memory_line(needed, parameters, look, look_at_host),
        *cost_line(needed, parameters),
    ]
    if lines:
        lines += write_line(writes)
    return Resources(
        of_models=[
            *check_options(needed, parameters),
            *check_hub(downloads, needed),
            *check_gpus(needed, parameters, look, machine.free_gpu_memory),
            *check_host_memory(needed, parameters, look_at_host),
            *check_servers(needed, parameters),
        ],
        of_disks=list(check_disks(writes, machine.room)),
        outlook=lines,
    )


def made_here(needed: dict[str, str], parameters: Parameters) -> dict[str, str]:
    """The variants that this run makes, each with its model."""
    models = parameters.models
    return {
        name: variant.generator
        for name, variant in parameters.variants.items()
        if variant.generator in needed and not is_imported(models[variant.generator])
    }
