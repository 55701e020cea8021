"""From what was measured with few steps on few samples to what a full run takes; every number that is not measured says so."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tpige_kedro.hooks.resources.costs import option_of
from tpige_kedro.rehearsal.forwards import forwards, guider_of
from tpige_kedro.rehearsal.job import OUT_OF_MEMORY, Measured
from tpige_kedro.rehearsal.prices import cost_of, is_service, limits_reached
from tpige_kedro.rehearsal.stages import Stage
from tpige_kedro.schemas import Parameters

GIB = 2**30
NOT_REHEARSED = "not rehearsed"
STOOD_IN = "answered by a stand-in on loopback; the service's own time is not counted"
WHOLE = "seconds of the whole run of the pipeline, its start included; not part of the hours"
NO_KEY = "is not set: a run skips its variants and pays nothing for them"
NEVER_MEASURED = "fewer than two steps were run: no seconds per step"


@dataclass
class Row:
    """A line of the table: a stage, or a variant of one. Seconds and GiB; None if there is no value."""

    stage: str
    what: str = ""
    model: str = ""
    loading: float | None = None
    item: float | None = None  # as run, with few steps
    step: float | None = None
    full_item: float | None = None  # at the configured steps
    full_steps: int | None = None
    items_per_sample: float = 0.0
    gpu_allocated: float | None = None
    gpu_reserved: float | None = None
    host_resident: float | None = None
    host_anonymous: float | None = None
    hours: float | None = None  # for all samples
    dollars: float | None = None
    cost_unknown: str = ""  # why there are no dollars, for a service
    built_gb: float | None = None
    scratch_gb: float | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)


def rows_of(
    stage: Stage,
    measured: Measured,
    parameters: Parameters,
    samples: int,
    wanted: int,
    clips: int = 0,
    factors: Mapping[str, float] | None = None,
) -> list[Row]:
    """The rows of a stage: one for each variant of a generator and each model, else one.

    ``samples`` were run, ``wanted`` are asked about; ``clips`` a sample are scored in a full run. ``factors``: by how much the calls of
    a model were shortened.
    """
    loads = measured.seen.get("loads", [])
    common: dict[str, Any] = {
        "stage": stage.name,
        "gpu_allocated": measured.gpu.get("allocated"),
        "gpu_reserved": measured.gpu.get("reserved"),
        "host_resident": gib(measured.host_resident),
        "host_anonymous": gib(measured.host_anonymous),
    }
    found = [
        *stream_rows(stage, measured, samples, common, parameters),
        *call_rows(stage, measured, samples, common, factors or {}),
    ]
    rows = [row for row in found if row.model in stage.models.values() and row.model not in stage.left_out]  # fmt: skip
    if not rows:
        rows = [
            Row(**common, item=measured.seconds / samples, full_item=measured.seconds / samples)
        ]
        rows[0].notes.append(WHOLE)
    if stage.is_service:
        for row in rows:
            note_service(
                row, row is first_of(rows, row.model), stage, measured, parameters, samples, wanted
            )
    for row in rows:
        if stage.pipeline == "scoring" and row.items_per_sample:
            row.items_per_sample = clips
        names = {row.model, "text encoder"} if stage.variants else {row.model}
        took = [load["seconds"] for load in loads if load["what"] in names]
        row.loading = sum(took) if took and row is first_of(rows, row.model) else None
        if row.full_item is not None and row.items_per_sample:
            row.hours = (row.full_item * row.items_per_sample * wanted + (row.loading or 0)) / 3600
    rows[0].problem = problem_of(measured, answers_count=stage.pipeline != "prompt_enhancement")
    return rows


def first_of(rows: Iterable[Row], model: str) -> Row:
    """The first row of a model, which the loading is counted for."""
    return next(row for row in rows if row.model == model)


def problem_of(measured: Measured, answers_count: bool = True) -> str:
    """Why a stage ended early or what failed of it, in one line; what a random reader says does not count."""
    texts = [measured.problem, *(failure["message"] for failure in measured.failures)]
    told = (t for t in texts if t and (answers_count or t == measured.problem or is_memory(t)))
    text = next(told, "")
    if is_memory(text) and measured.needed is not None:
        return f"does not fit: needed > {measured.needed:.1f} GiB of GPU memory"
    return " ".join(text.split())[:400]


def is_memory(text: str) -> bool:
    """Whether an error says that the GPU's memory ran out."""
    return OUT_OF_MEMORY in text.lower()


def stream_rows(
    stage: Stage,
    measured: Measured,
    samples: int,
    common: Mapping[str, Any],
    parameters: Parameters,
) -> list[Row]:
    """A row for each call of ``generate`` or ``edit``: a variant each, or the editor; then the variants that are computed from them."""
    items, runs = measured.seen.get("items", []), measured.seen.get("runs", [])
    overheads: dict[str, list[float]] = {}
    rows = []
    for number, run in enumerate(runs):
        mine = [item for item in items if item["run"] == number and not item["failed"]]
        row = Row(**common, model=run["model"])
        row.what = stage.variants[number] if number < len(stage.variants) else run["model"]
        row.gpu_allocated = peak_of(mine, "allocated") or row.gpu_allocated
        row.gpu_reserved = peak_of(mine, "reserved") or row.gpu_reserved
        row.items_per_sample = len(mine) / samples if mine else 1.0
        rows.append(row)
        if not mine:
            continue
        row.item = median(item["made"] + item["saved"] for item in mine)
        forward = seconds_per_forward(mine, run["forwards"])
        if forward is None:
            row.notes.append(NEVER_MEASURED)
            continue
        row.full_steps = len(run["full"])
        row.step = forward * sum(run["full"]) / len(run["full"])
        overheads.setdefault(run["model"], []).append(row.item - forward * sum(run["forwards"]))
        row.full_item = forward * sum(run["full"])  # sampling; what is around it follows
    for row in rows:
        if row.full_item is not None:
            row.full_item += max(min(overheads[row.model]), 0.0)
    return [*joined(rows, stage), *computed_rows(stage, rows, parameters)]


def computed_rows(stage: Stage, rows: list[Row], parameters: Parameters) -> list[Row]:
    """The variants that were not run: as many forwards as their guiders request, each as long as those of the cheapest variant."""
    run = next((row for row in rows if row.step is not None and row.full_item is not None), None)
    if not stage.computed or run is None or not run.full_steps or not run.full_item or not run.step:
        return []
    known = sum(_forwards(run.what, run.full_steps, parameters))
    found = []
    for name in stage.computed:
        total = sum(_forwards(name, run.full_steps, parameters))
        row = Row(stage.name, what=name, model=run.model, full_steps=run.full_steps)
        sampling = run.step * run.full_steps
        row.full_item = run.full_item + sampling * (total / known - 1)
        row.step = run.step * total / known
        row.items_per_sample = 1.0
        found.append(row)
    return found


def _forwards(variant: str, steps: int, parameters: Parameters) -> list[int]:
    settings = parameters.variants[variant]
    return forwards(guider_of(parameters.models[settings.generator], settings.guidance), steps)


def joined(rows: list[Row], stage: Stage) -> list[Row]:
    """The rows of variants as they are; several calls of an editor (each of some samples) as one."""
    if stage.variants or len(rows) < 2:
        return rows
    first = rows[0]
    first.items_per_sample = sum(row.items_per_sample for row in rows)
    for name in ("item", "step", "full_item"):
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        setattr(first, name, median(values) if values else None)
    return [first]


def seconds_per_forward(items: list[dict[str, Any]], forwards: list[int]) -> float | None:
    """The median over all steps but the first of each item, in which things warm up."""
    found = [
        seconds / count
        for item in items
        for seconds, count in zip(item["steps"], forwards[1:], strict=False)
        if count
    ]
    return median(found) if found else None


def call_rows(
    stage: Stage,
    measured: Measured,
    samples: int,
    common: Mapping[str, Any],
    factors: Mapping[str, float],
) -> list[Row]:
    """A row for each model that answers at once and each of its methods."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for call in measured.seen.get("calls", []):
        groups.setdefault((call["model"], call["what"]), []).append(call)
    rows = []
    for (model, what), calls in groups.items():
        row = Row(**common, model=model, what=f"{model}.{what}")
        seconds = [call["seconds"] for call in calls]
        row.item = sum(seconds) / len(seconds)
        row.full_item = row.item * factors.get(model, 1.0)
        row.items_per_sample = len(calls) / samples
        if failed := sum(bool(call["failed"]) for call in calls):
            row.notes.append(f"{failed} of {len(calls)} calls gave no usable answer")
        rows.append(row)
    return rows


def note_service(
    row: Row,
    first: bool,
    stage: Stage,
    measured: Measured,
    parameters: Parameters,
    samples: int,
    wanted: int,
) -> None:
    """In the row of a service: no seconds, which are those of its stand-in; and in the ``first`` of its rows what it costs."""
    spec = parameters.models.get(row.model)
    if spec is None or not is_service(spec):
        return
    row.item = row.full_item = row.step = row.full_steps = None
    row.notes = [note for note in row.notes if note != NEVER_MEASURED]
    if not first:
        return
    usage = measured.usage.get(str(option_of(spec, "model")), {})
    factor, clips = wanted / samples, wanted * len(stage.variants + stage.computed)
    cost = cost_of(spec, usage, factor, clips)
    row.dollars, row.cost_unknown = cost.dollars, cost.unknown
    row.notes.append(f"{row.model}: {STOOD_IN}")
    if stage.variants and (absent := [name for name in spec.needs if not os.environ.get(name)]):
        row.notes.append(f"{row.model}: {' and '.join(absent)} {NO_KEY}")
    row.notes += (f"{row.model}: {t}" for t in limits_reached(spec, cost, usage, factor, clips))


def peak_of(items: list[dict[str, Any]], kind: str) -> float | None:
    """The largest peak of some items, GiB."""
    return max((item["peak"][kind] for item in items if kind in item["peak"]), default=None)


def gib(count: int | None) -> float | None:
    """Bytes as GiB."""
    return None if count is None else count / GIB
