"""What a run needs, checked before it begins: models, inputs, and writable disks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.datasets.signing import signing_problem
from tpige_kedro.errors import ModelError
from tpige_kedro.hooks.resources.problem import Problem, problem_of
from tpige_kedro.models import find_source, missing_needs, why_skipped
from tpige_kedro.schemas import ModelSpec, Parameters
from tpige_kedro.video_generators.imported import is_imported
from tpige_kedro.weights.local_files import missing_files

if TYPE_CHECKING:
    from kedro.io import DataCatalog

STAGES = (
    "prompt_enhancement",
    "reference_enhancement",
    "generation_variants",
    "scoring",
    "moe_selection",
    "reporting",
)


def needed_models(pipeline: Pipeline, parameters: Parameters) -> dict[str, str]:
    """The models that the nodes of ``pipeline`` load, each with the parameter that names it; skipped variants load none."""
    stages = {part for node in pipeline.nodes for part in str(node.namespace).split(".")}
    ready = {n: v for n, v in parameters.variants.items() if not why_skipped(v, parameters.models)}
    needed: dict[str, str] = {}
    reader = parameters.prompt_enhancement.reader
    if "prompt_enhancement" in stages and not parameters.models[reader].unavailable:
        needed[reader] = "prompt_enhancement.reader"
    if "reference_enhancement" in stages and any(v.reference == "enhanced" for v in ready.values()):
        needed[parameters.reference_enhancement.editor] = "reference_enhancement.editor"
        needed[parameters.reference_enhancement.judge] = "reference_enhancement.judge"
        if parameters.reference_enhancement.writer is not None:
            needed[parameters.reference_enhancement.writer] = "reference_enhancement.writer"
    if "scoring" in stages:
        scoring = parameters.scoring
        asked = {**dict.fromkeys(scoring.scorers, "scoring.scorers")}
        if scoring.set_scorer is not None:
            asked[scoring.set_scorer] = "scoring.set_scorer"
        needed |= {n: key for n, key in asked.items() if not parameters.models[n].unavailable}
    made = pipeline.all_outputs()
    for name, variant in ready.items():
        generates = "clips" in made and "generation_variants" in stages
        if generates or ("clips" in made and is_imported(parameters.models[variant.generator])):
            needed[variant.generator] = f"variants.{name}.generator"
    return needed


def check_models(pipeline: Pipeline, parameters: Parameters) -> Iterator[Problem]:
    """What is wrong with the models that this run loads: class, weights, keys."""
    needed = needed_models(pipeline, parameters)
    for name in needed:
        problem = _model_problem(parameters.models[name])
        if problem:
            yield problem_of([name], needed, problem, missing=True)


def _model_problem(spec: ModelSpec) -> str:
    missing = missing_needs(spec)
    if missing:
        return (
            f"needs the environment variable {', '.join(missing)}; set it or choose another model"
        )
    module = spec.type.rpartition(".")[0]
    try:
        if not module or find_spec(module) is None:
            return f"type {spec.type!r}: no module {module!r}; correct the path"
        if spec.source is not None:
            find_source(spec)
            return missing_files(spec)
    except (ModuleNotFoundError, ModelError) as error:
        return str(error)
    return ""


def check_inputs(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[str]:
    """Inputs that an earlier stage should have made; folders of items may be empty."""
    for name in sorted(pipeline.inputs()):
        if name.startswith("params:") or name == "parameters":
            continue
        dataset = catalog.get(name)
        if dataset is None:
            yield f"{name} is in no catalog; add it to conf/base/catalog*.yml"
        elif name in {"samples", "references"}:
            yield from _absent_source(name, catalog)
        elif not isinstance(dataset, ItemFolder):
            yield from _not_made_yet(name, catalog)


def _not_made_yet(name: str, catalog: DataCatalog) -> Iterator[str]:
    if not catalog.exists(name):
        stage = next((s for s in STAGES if name in pipelines[s].all_outputs()), None)
        how = f"make it with: kedro run --pipelines={stage}" if stage else "put it there"
        yield f"{name} does not exist yet ({_place(catalog.get(name))}); {how}"


def _absent_source(name: str, catalog: DataCatalog) -> Iterator[str]:
    if not catalog.exists(name):
        yield (
            f"{name}: {_place(catalog.get(name))} does not exist; set samples_root to a folder with samples.csv and "
            "references/, or in a layout of docs/evaluation.md (kedro run --params=samples_root=/path); kedro samples makes one of photos "
            "and prompts"
        )


def check_data_root(catalog: DataCatalog) -> Iterator[str]:
    """Results of version 0.1, whose records do not say enough to believe them."""
    clips = catalog.get("clips")
    if not isinstance(clips, ItemFolder):
        return
    old = clips.path.parent / "records"
    if old.is_dir():
        yield (
            f"{old.parents[1]} holds results of version 0.1, which this version cannot continue; nothing in it was changed: set another "
            "data_root (kedro run --params=data_root=/path), or move it away. Its clips can still be scored: kedro run "
            f"--pipelines=evaluate --params=clips_root={clips.path},data_root=/path"
        )


def check_outputs(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[str]:
    """Folders that results cannot be written to."""
    places = {_place(catalog.get(name)) for name in pipeline.all_outputs()}
    folders = {_existing_ancestor(place) for place in places if place is not None}
    for folder in sorted(folders):
        try:
            with tempfile.TemporaryFile(dir=folder):
                continue
        except OSError as error:
            yield (
                f"{folder} cannot be written to ({error.strerror}); change its permissions or set data_root to another "
                "folder (kedro run --params=data_root=/path)"
            )


def check_signing(pipeline: Pipeline, parameters: Parameters) -> Iterator[str]:
    """A certificate that could not be used, where clips are made."""
    makes_clips = "clips" in pipeline.all_outputs()
    if makes_clips and (problem := signing_problem(parameters.provenance)):
        yield problem


def _place(dataset: object) -> Path | None:
    """The file or folder of a dataset; None if it lives in memory."""
    place = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    return None if place is None else Path(str(place))


def _existing_ancestor(place: Path) -> Path:
    return next(folder for folder in place.parents if folder.exists())
