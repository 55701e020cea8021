"""What each stage is given: the project's parameters with sources in the scratch, few steps, and stand-ins for what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tpige_kedro.declarations import load_class
from tpige_kedro.rehearsal.job import Job
from tpige_kedro.rehearsal.places import LISTED, Place, ships
from tpige_kedro.rehearsal.prices import is_service
from tpige_kedro.rehearsal.quiet import COMPUTED, ELSEWHERE
from tpige_kedro.rehearsal.scratch import Scratch
from tpige_kedro.rehearsal.settings import Settings, changed_options, run_parameters
from tpige_kedro.rehearsal.stages import Stage
from tpige_kedro.schemas import ModelSpec, Parameters
from tpige_kedro.weights.parts import SOURCE, parts_of
from tpige_kedro.weights.sources import project_root

STAND_INS = {"reader": "Reader", "editor": "Editor", "judge": "Judge"}
NOTHING_STATED = {"gpu": None, "host": None}
JOURNAL = "07_model_output/tasks"  # of a service, below the data


def demo_samples() -> Path:
    """The drawn people that ship with the project."""
    return project_root() / "data" / "01_raw" / "demo"


def list_samples(scratch: Scratch, count: int) -> Path:
    """A list of the first ``count`` demo samples, in the scratch."""
    table = (demo_samples() / "samples.csv").read_text().splitlines()[1 : count + 1]
    listed = scratch.root / "samples.csv"
    listed.write_text("\n".join(["sample_id", *(row.split(",")[0] for row in table)]) + "\n")
    return listed


def job_of(
    stage: Stage,
    parameters: Parameters,
    settings: Settings,
    scratch: Scratch,
    *,
    only_stand_ins: bool = False,
) -> Job:
    """The job of a stage; ``only_stand_ins``: nothing is measured, a later stage needs its output."""
    left_out = {*stage.left_out, *(stage.models.values() if only_stand_ins else ())}
    used = [name for name in dict.fromkeys(stage.models.values()) if name not in left_out]
    changed = run_parameters(settings, scratch.data, demo_samples(), scratch.root / "samples.csv")
    models = {name: spec.model_dump(mode="json") for name, spec in parameters.models.items()}
    for name in used:
        models[name] = at_scratch(parameters.models[name], settings, scratch)
    for role, name in stage.models.items():
        if name in left_out and role in STAND_INS:
            models[name] = stand_in_of(role)
    for name in left_out:
        changed |= without_writing(name, parameters)
    if stage.pipeline == "generation_variants":
        changed["variants"] = leave_out_variants(stage, parameters, models)
    if stage.pipeline in {"scoring", "moe_selection", "reporting"}:
        changed["scoring"] = scoring_of(parameters, left_out)
    changed["models"] = models
    services = [name for name in used if is_service(parameters.models[name])]
    steps = {name: configured_steps(parameters.models[name]) for name in used}
    return Job(
        project=str(project_root()),
        env=settings.env,
        conf_source=settings.conf_source,
        pipeline=stage.pipeline,
        parameters=changed,
        models=used,
        services=services,
        steps={name: count for name, count in steps.items() if count},
        gpu_limit=settings.gpu_limit,
        tiny=settings.tiny,
    )


def without_writing(left_out: str, parameters: Parameters) -> dict[str, Any]:
    """The settings without what no stand-in of the model ``left_out`` can do: write prompts."""
    changed: dict[str, Any] = {}
    if left_out == parameters.prompt_enhancement.reader:
        changed["prompt_enhancement"] = {"mode": "attributes"}
    if left_out == parameters.reference_enhancement.writer:
        changed["reference_enhancement"] = {"writer": None}
    return changed


def leave_out_variants(
    stage: Stage, parameters: Parameters, models: dict[str, Any]
) -> dict[str, Any]:
    """Let the variants that the stage does not run be skipped; in ``models``, that they lack no key: another reason comes first."""
    changed = {}
    for name, variant in parameters.variants.items():
        if name not in stage.variants:
            here = variant.generator in stage.models.values()
            changed[name] = {"skipped": COMPUTED if here else ELSEWHERE}
            if not here:
                models[variant.generator]["needs"] = []
    return changed


def at_scratch(spec: ModelSpec, settings: Settings, scratch: Scratch) -> dict[str, Any]:
    """A model whose places are folders of the scratch."""
    entry = spec.model_dump(mode="json")
    entry["options"] |= changed_options(spec, settings)
    if "journal" in entry["options"]:
        entry["options"]["journal"] = str(scratch.data / JOURNAL)
    entry["memory"] = NOTHING_STATED  # how much it needs is what is to be found out
    for part in parts_of(spec):
        if ships(part.place):
            continue
        folder = str(scratch.folder(Place(part.place, [])))
        if part.option == SOURCE:
            entry["source"], entry["revision"] = folder, None
        elif listed := LISTED.fullmatch(part.option):
            option, index = listed[1], int(listed[2])
            entry["options"][option][index] |= {"source": folder, "revision": None}
        else:
            entry["options"][part.option] = folder
            if (
                f"{part.option}_revision" in entry["options"]
            ):  # to leave it out would keep that of conf
                entry["options"][f"{part.option}_revision"] = None
    return entry


def stand_in_of(role: str) -> dict[str, Any]:
    """The entry of a model that does nothing."""
    kind = f"tpige_kedro.rehearsal.stand_ins.{STAND_INS[role]}"
    return {
        "type": kind,
        "source": None,
        "revision": None,
        "needs": [],
        "licence": "none",
        "memory": NOTHING_STATED,
        "options": {},
    }


def scoring_of(parameters: Parameters, left_out: Iterable[str]) -> dict[str, Any]:
    """The available scorers, and the weights of the metrics that they give."""
    left_out = set(left_out)
    scorers = [name for name in parameters.scoring.scorers if name not in left_out]
    given = {m.name for name in scorers for m in load_class(parameters.models[name].type).metrics}
    weights = {name: w if name in given else 0.0 for name, w in parameters.scoring.overall.items()}
    if scorers and not any(weights.values()):
        weights[min(given)] = 1.0
    return {"scorers": scorers, "set_scorer": None, "overall": weights}


def configured_steps(spec: ModelSpec) -> int:
    """The steps that the model takes in earnest; 0 if it takes none."""
    if "steps" in spec.options:
        return int(spec.options["steps"])
    defaults: Mapping[str, Any] = getattr(
        getattr(load_class(spec.type), "Options", None), "model_fields", {}
    )
    return int(defaults["steps"].default) if "steps" in defaults else 0
