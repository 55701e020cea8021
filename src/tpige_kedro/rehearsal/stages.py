"""The stages of a rehearsal: which pipeline runs, which models it loads, and what is not rehearsed and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tpige_kedro.rehearsal.forwards import cheapest_and_dearest
from tpige_kedro.rehearsal.places import (
    Place,
    UnknownLayoutError,
    class_name,
    missing_packages,
    places_of,
)
from tpige_kedro.rehearsal.prices import is_service
from tpige_kedro.rehearsal.settings import Settings, load_options
from tpige_kedro.schemas import ModelSpec, Parameters
from tpige_kedro.video_generators.imported import is_imported

IN_PROCESSES = "works in processes of its own, which are not measured; rehearse options.generator alone, as the type of the entry"
LATE = ("moe_selection", "reporting")  # they load no model


@dataclass
class Stage:
    """One run of a pipeline: its models by role, the variants that it makes, and what it leaves out."""

    name: str
    pipeline: str
    models: dict[str, str] = field(default_factory=dict)  # role -> key of ``models``
    variants: tuple[str, ...] = ()
    computed: tuple[
        str, ...
    ] = ()  # variants that are not run: their seconds follow from those that are
    left_out: dict[str, str] = field(default_factory=dict)  # key of ``models`` -> why
    places: list[Place] = field(default_factory=list)
    is_service: bool = False


def stages_of(parameters: Parameters, settings: Settings) -> list[Stage]:
    """All stages in the order in which they run; generators with few variants first, so that what is scored is varied."""
    first = [_prompts(parameters), _references(parameters)]
    generators = sorted(_generators(parameters), key=lambda stage: len(stage.variants))
    stages = [*first, *generators, _scoring(parameters)]
    for stage in stages:
        _look_at_models(stage, parameters, settings)
    absent = stages[-1].left_out  # the selection weighs what was scored
    return [*stages, *(Stage(name, name, left_out=absent) for name in LATE)]


def _prompts(parameters: Parameters) -> Stage:
    reader = parameters.prompt_enhancement.reader
    return Stage("prompt_enhancement", "prompt_enhancement", {"reader": reader})


def _references(parameters: Parameters) -> Stage:
    options = parameters.reference_enhancement
    models = {"editor": options.editor, "judge": options.judge}
    if options.writer is not None:
        models["writer"] = options.writer
    return Stage("reference_enhancement", "reference_enhancement", models)


def _generators(parameters: Parameters) -> Iterable[Stage]:
    variants: dict[str, list[str]] = {}
    for name, variant in parameters.variants.items():
        variants.setdefault(variant.generator, []).append(name)
    for model, names in variants.items():
        steps = int(load_options(parameters.models[model]).get("steps") or 1)
        run = cheapest_and_dearest(names, parameters, steps)
        others = tuple(name for name in names if name not in run)
        yield Stage(
            f"generation of {model}", "generation_variants", {"generator": model}, run, others
        )


def _scoring(parameters: Parameters) -> Stage:
    scoring = parameters.scoring
    models = {f"scorer {name}": name for name in scoring.scorers}
    stage = Stage("scoring", "scoring", models)
    if scoring.set_scorer is not None:
        stage.left_out[scoring.set_scorer] = (
            "it scores all clips of a variant as a set, and one clip is no set"
        )
    return stage


def _look_at_models(stage: Stage, parameters: Parameters, settings: Settings) -> None:
    """Sort out the models that cannot be rehearsed; collect the places of the others."""
    for name in dict.fromkeys(stage.models.values()):
        spec = parameters.models[name]
        reason = why_not(name, spec, settings)
        if not reason:
            try:
                stage.places += places_of(name, spec, settings.tiny)
            except UnknownLayoutError as error:
                reason = str(error)
        if reason:
            stage.left_out[name] = reason
        elif is_service(spec):
            stage.is_service = True


def why_not(name: str, spec: ModelSpec, settings: Settings) -> str:
    """Why a model is not rehearsed, or the empty text."""
    if settings.models and name not in settings.models:
        return "not among --models"
    if missing := missing_packages(spec):
        return f"not installed: {', '.join(missing)}"
    if class_name(spec) == "SeveralGpus":
        return IN_PROCESSES
    if is_imported(spec):
        return "its clips are imported, nothing is made"
    return ""
