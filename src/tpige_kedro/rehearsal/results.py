"""What the results of a full run take on disk, from those that a rehearsal left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tpige_kedro.hooks.resources.writes import clip_bytes
from tpige_kedro.rehearsal.stages import Stage
from tpige_kedro.schemas import Parameters

REPORT = "08_reporting"
BY_VARIANT = frozenset({"clips", "clip_scores", "strips"})  # folders with one for each variant
OF_ALL = frozenset({"contact_sheets", "samples"})  # of the report: each shows all variants


def bytes_of_run(
    data: Path, stages: Iterable[Stage], parameters: Parameters, samples: int, wanted: int
) -> float:
    """Bytes of the results of ``wanted`` samples, given those of ``samples`` in ``data``.

    Variants that were not run count like those of their generator that were. A clip of noise counts as a real one, which is smaller.
    What a report has once (tables, plots, a sheet for each variant) is not multiplied by the samples.
    """
    share = shares(stages)
    real = {
        name: clip_bytes(parameters.models[v.generator]) for name, v in parameters.variants.items()
    }
    every = sum(share.values()) / len(share) if share else 1.0
    once = each = 0.0
    for file in data.rglob("*"):
        if not file.is_file():
            continue
        size, (area, kind, inside, *_) = (
            file.stat().st_size,
            (*file.relative_to(data).parts, "", ""),
        )
        if kind in BY_VARIANT and inside in share:
            is_clip = kind == "clips" and file.suffix == ".mp4"
            each += share[inside] * (min(size, real[inside]) if is_clip else size)
        elif area == REPORT and kind not in OF_ALL:
            once += size
        else:
            each += size * (every if area == REPORT else 1.0)
    return once + each / samples * wanted


def shares(stages: Iterable[Stage]) -> Mapping[str, float]:
    """For each variant that was run, how many of a full run's it stands for.

    >>> shares(
    ...     [
    ...         Stage(
    ...             "generation of vace",
    ...             "generation_variants",
    ...             variants=("a", "b"),
    ...             computed=("c",),
    ...         )
    ...     ]
    ... )
    {'a': 1.5, 'b': 1.5}
    """
    return {
        name: len(stage.variants + stage.computed) / len(stage.variants)
        for stage in stages
        for name in stage.variants
    }
