"""A line of the plan for each stage and variant: items, seconds, hours on a number of GPUs, bytes, dollars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tpige_kedro.hooks.resources.writes import clip_bytes, picture_bytes
from tpige_kedro.planning.left import Part
from tpige_kedro.planning.rehearsed import Rehearsed
from tpige_kedro.planning.seconds import Records, Seconds, records_of
from tpige_kedro.rehearsal.prices import NOT_MEASURED, Cost, cost_of, is_service
from tpige_kedro.schemas import ModelSpec, Parameters
from tpige_kedro.video_generators.imported import is_imported

STAGES = {
    "face_attributes": "faces read",
    "rewritten_prompts": "prompts rewritten",
    "enhanced_prompt_items": "prompts enhanced",
    "written_reference_prompts": "reference prompts",
    "enhanced_references": "references redrawn",
    "clips": "clips",
    "clip_scores": "clips scored",
    "set_score_items": "sets scored",
}


FREE = Cost()


@dataclass(frozen=True)
class Line:
    """A part of the work with what is known about it.

    ``divides``: workers share its items. ``loading``: seconds for which each worker loads models before the first, if that was measured.
    """

    part: Part
    model: str
    seconds: Seconds
    divides: bool
    bytes: float | None = 0.0  # of all items that are left; None if nobody knows
    cost: Cost = FREE
    loading: float = 0.0

    @property
    def stage(self) -> str:
        """What is made, in words."""
        return STAGES.get(self.part.dataset, self.part.dataset.replace("_", " "))

    @property
    def left(self) -> int:
        """Items that a run would make."""
        return len(self.part.left)

    @property
    def unknown(self) -> bool:
        """Whether hours are more than can be said; what rules make takes moments."""
        untimed = self.seconds.value is None and not self.part.by_rules
        return bool(self.left) and (untimed or self.seconds.at_least)

    def hours(self, workers: int) -> float | None:
        """With so many workers, each of which loads the models once; None if nobody knows.

        >>> from tpige_kedro.datasets import ItemFolder
        >>> folder = ItemFolder(path="clips")
        >>> part = Part("clips", "", "vace", folder, shared=True, left=["a"] * 8)
        >>> line = Line(part, "vace", Seconds(900.0), divides=True, loading=360.0)
        >>> line.hours(1), line.hours(2), line.hours(100)
        (2.1, 1.1, 0.35)
        """
        if self.seconds.value is None or not self.left:
            return 0.0 if not self.left or self.part.by_rules else None
        one_after_another = max(self.left / workers, 1.0) if self.divides else self.left
        return (one_after_another * self.seconds.value + self.loading) / 3600


def lines_of(
    parts: Iterable[Part], parameters: Parameters, rehearsed: Rehearsed | None
) -> list[Line]:
    """A line for each part; ``parameters`` say what makes it."""
    parts = list(parts)
    records = [records_of(part) for part in parts]
    known = list(zip(parts, records, strict=True))
    lines = [
        _line(part, _of_alike(part, known, parameters), parameters, rehearsed) for part in parts
    ]
    return lines if rehearsed is None else list(_with_loading(lines, parameters, rehearsed))


def _with_loading(
    lines: Iterable[Line], parameters: Parameters, rehearsed: Rehearsed
) -> Iterator[Line]:
    """Models are loaded for the first line that needs them; how long that takes no record says."""
    loaded = set()
    for line in lines:
        key = (line.part.dataset, line.model)
        if line.left and key not in loaded:
            loaded.add(key)
            line = replace(line, loading=rehearsed.loading(line.part, parameters))  # noqa: PLW2901
        yield line


def _of_alike(part: Part, known: Iterable[tuple[Part, Records]], parameters: Parameters) -> Records:
    """The records of a part; where it has none, those of another variant that takes as long."""
    found = Records()
    for other, records in known:
        if other is part and records.count:
            return records
        if records.count > found.count and take_as_long(part, other, parameters):
            found = replace(records, group=other.group)
    return found


def take_as_long(part: Part, other: Part, parameters: Parameters) -> bool:
    """Whether items of two variants are made by the same models with the same guidance: prompts and pictures take no time."""
    if part.dataset != other.dataset or part is other:
        return False
    if part.dataset != "clips":
        return True
    mine, its = parameters.variants[part.group], parameters.variants[other.group]
    return (mine.generator, mine.guidance) == (its.generator, its.guidance)


def _line(
    part: Part, records: Records, parameters: Parameters, rehearsed: Rehearsed | None
) -> Line:
    model = model_of(part, parameters)
    spec = parameters.models.get(model)
    seconds = _seconds(part, records, parameters, rehearsed)
    if spec is None:
        return Line(part, model, seconds, part.shared)
    alone = is_service(spec) or is_imported(spec)
    size = records.bytes if records.bytes is not None else usual_bytes(part, spec)
    return Line(
        part,
        model,
        seconds,
        part.shared and not alone,
        None if size is None else len(part.left) * size,
        _cost(part, model, records, parameters, rehearsed),
    )


def model_of(part: Part, parameters: Parameters) -> str:
    """The entry of ``models`` that makes the items; of scores none in particular."""
    enhancement = parameters.reference_enhancement
    reader = parameters.prompt_enhancement.reader
    of_dataset: Mapping[str, str | None] = {
        "face_attributes": reader,
        "rewritten_prompts": reader,
        "written_reference_prompts": enhancement.writer,
        "enhanced_references": enhancement.editor,
        "set_score_items": parameters.scoring.set_scorer,
    }
    if part.dataset == "clips":
        return parameters.variants[part.group].generator
    return of_dataset.get(part.dataset) or ""


def _seconds(
    part: Part, records: Records, parameters: Parameters, rehearsed: Rehearsed | None
) -> Seconds:
    """By records, else by the rehearsal."""
    found = records.timed()
    return rehearsed.seconds(part, parameters) if rehearsed and found.value is None else found


def usual_bytes(part: Part, spec: ModelSpec) -> float | None:
    """As the check before a run estimates; records are not counted. For imported clips it is unknown."""
    if part.dataset == "clips":
        return None if is_imported(spec) else clip_bytes(spec)
    return picture_bytes(spec) if part.dataset == "enhanced_references" else 0.0


def _cost(
    part: Part,
    model: str,
    records: Records,
    parameters: Parameters,
    rehearsed: Rehearsed | None,
) -> Cost:
    """What a service costs for the items that are left: by the clip, by the tokens of records, or by those of a rehearsal."""
    spec, left = parameters.models[model], len(part.left)
    if not is_service(spec) or not left:
        return FREE
    if records.usage["answers"]:
        return cost_of(spec, records.usage, left / records.count, left)
    found = cost_of(spec, {}, 0.0, left)
    if found.unknown != NOT_MEASURED or rehearsed is None:
        return found
    return rehearsed.dollars(part, model, parameters)
