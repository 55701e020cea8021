"""What the table does not say: what is skipped, tried again, impossible, not here, limited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kedro.framework.project import pipelines

from tpige_kedro.hooks.preflight import check_models, needed_models
from tpige_kedro.hooks.resources.check import made_here
from tpige_kedro.hooks.resources.disk import gb
from tpige_kedro.hooks.resources.together import expects_gpu
from tpige_kedro.hooks.resources.writes import expected_writes
from tpige_kedro.models import why_skipped
from tpige_kedro.planning.left import Left
from tpige_kedro.planning.rows import Line
from tpige_kedro.rehearsal.prices import is_service, limits_reached
from tpige_kedro.schemas import Parameters

if TYPE_CHECKING:
    from kedro.io import DataCatalog


def notes_of(
    found: Left, lines: Sequence[Line], parameters: Parameters, catalog: DataCatalog
) -> Iterator[str]:
    """All of them, each a line."""
    for name, variant in parameters.variants.items():
        if reason := why_skipped(variant, parameters.models):
            yield f"variants.{name} is skipped, as in a run: {reason}"
    if found.refused:
        yield f"{found.refused:,} of {found.samples + found.refused:,} samples cannot be used; a run says why"
    needed = needed_models(pipelines["full"], parameters)
    lacking = [problem.who for problem in check_models(pipelines["full"], parameters)]
    if lacking:
        yield f"counted although weights or a key are missing (kedro run says which): {', '.join(lacking)}"
    yield from notes_of_items(lines)
    if not any(line.left for line in lines):
        return
    yield from notes_of_limits(lines, parameters)
    writes = expected_writes(pipelines["full"], parameters, made_here(needed, parameters), catalog)
    if strips := sum(each.total for each in writes if each.what == "strips"):
        yield f"the report writes about {gb(strips)} more, in strips of frames"
    models = [parameters.models[name] for name in needed]
    if not any(map(expects_gpu, models)):
        yield "no model of this environment is meant for a GPU: N GPUs stand for N workers, which share the processors"
    elif parameters.execution.engine == "local":
        yield "execution.engine is local, which uses one worker; for more GPUs: --params=execution.engine=processes"


def notes_of_limits(lines: Sequence[Line], parameters: Parameters) -> Iterator[str]:
    """The limits of services at which a run would end before everything is made."""
    for line in lines:
        spec = parameters.models.get(line.model)
        if spec is not None and is_service(spec) and line.left:
            for limit in limits_reached(spec, line.cost, {}, 0.0, line.left):
                yield f"{line.model}: {limit}"


def shortened(names: Sequence[str], most: int = 3) -> str:
    """Some names, and how many more.

    >>> shortened(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def notes_of_items(lines: Sequence[Line]) -> Iterator[str]:
    """What was tried before without success, and what cannot be made."""
    for line in lines:
        what = " ".join(filter(None, [line.stage, line.part.group]))
        if line.part.failed:
            yield f"{what}: {line.part.failed:,} of those left failed before and would be tried again; what needs them is not counted"
        if impossible := line.part.impossible:
            yield f"{what}: {len(impossible):,} cannot be made: {shortened(sorted(set(impossible.values())), 1)}"
