"""What a stage of a rehearsal is given in place of what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import parameters
from tpige_kedro.rehearsal.estimate import rows_of
from tpige_kedro.rehearsal.job import Measured
from tpige_kedro.rehearsal.places import places_of
from tpige_kedro.rehearsal.plan import at_scratch, job_of
from tpige_kedro.rehearsal.rehearse import Rehearsal
from tpige_kedro.rehearsal.scratch import Scratch
from tpige_kedro.rehearsal.settings import Settings
from tpige_kedro.rehearsal.stages import stages_of


@pytest.fixture(scope="module")
def paper() -> Rehearsal:
    return Rehearsal.of(Settings(env="paper", scale="tiny", models=("vace_14b", "phantom_14b")))


@pytest.mark.parametrize("pipeline", ["prompt_enhancement", "reference_enhancement"])
def test_nobody_writes_prompts_where_the_model_that_does_is_left_out(
    paper: Rehearsal, tmp_path: Path, pipeline: str
) -> None:
    stage = next(s for s in paper.stages if s.pipeline == pipeline)
    job = job_of(stage, paper.parameters, paper.settings, Scratch(tmp_path), only_stand_ins=True)
    assert job.parameters["reference_enhancement"] == {"writer": None}
    assert job.parameters["prompt_enhancement"] == {"mode": "attributes"}


def test_pinned_places_are_those_of_the_scratch(paper: Rehearsal, tmp_path: Path) -> None:
    spec = paper.parameters.models["phantom_14b"]
    assert spec.options["base_revision"]
    entry = at_scratch(spec, paper.settings, Scratch(tmp_path))
    assert entry["revision"] is None
    assert entry["options"]["base_revision"] is None, "to leave it out would keep that of conf"
    assert entry["options"]["base"].startswith(str(tmp_path))


def test_loras_lie_in_the_scratch_beside_their_model(tmp_path: Path) -> None:
    fast = Rehearsal.of(Settings(env="vace_14b_fast", scale="tiny"))
    for name in ("vace_14b", "phantom_14b"):
        spec = fast.parameters.models[name]
        (listed,) = spec.options["loras"]
        (lora,) = at_scratch(spec, fast.settings, Scratch(tmp_path))["options"]["loras"]
        assert lora["weights"] == listed["weights"] and lora["revision"] is None
        (place,) = [p for p in places_of(name, spec, tiny=True) if p.name == listed["source"]]
        assert place.wanted == {listed["weights"]}
        assert Path(lora["source"]) == Scratch(tmp_path).folder(place)


def test_variants_of_other_stages_are_skipped_with_the_reason(
    paper: Rehearsal, tmp_path: Path
) -> None:
    stage = next(s for s in paper.stages if s.name == "generation of phantom_14b")
    job = job_of(stage, paper.parameters, paper.settings, Scratch(tmp_path))
    skipped = {name: row["skipped"] for name, row in job.parameters["variants"].items()}
    assert {*skipped} == {*paper.parameters.variants} - {*stage.variants}
    assert set(skipped.values()) == {"rehearsed in a stage of its own"}
    assert job.parameters["models"]["hailuo"]["needs"] == []  # no key, but that is not why


def test_what_stands_in_for_a_model_that_is_left_out_has_no_row(paper: Rehearsal) -> None:
    stage = next(s for s in paper.stages if s.pipeline == "reference_enhancement")
    calls = [
        {"model": "photo_judge", "what": "compare", "seconds": 1.0, "failed": ""},
        {"model": "tpige.Judge", "what": "compare", "seconds": 1.0, "failed": ""},
    ]
    assert "photo_judge" in stage.left_out
    (row,) = rows_of(stage, Measured(seconds=9.0, seen={"calls": calls}), paper.parameters, 1, 9)
    assert not row.model and row.item == 9.0


def test_everything_runs_where_it_is_measured(tmp_path: Path) -> None:
    """Instruments do not see what the worker processes of another engine do."""
    base = Rehearsal.of(Settings(env="base", scale="tiny"))
    assert base.parameters.execution.engine == "processes"
    for stage in base.stages:
        job = job_of(stage, base.parameters, base.settings, Scratch(tmp_path))
        assert job.parameters["execution"]["engine"] == "local"


def test_nothing_is_compiled_in_tiny(tmp_path: Path) -> None:
    for scale, compiled in (("full", True), ("tiny", False)):
        settings = Settings(env="vace_14b_24gb", scale=scale)  # type: ignore[arg-type]
        spec = Rehearsal.of(settings).parameters.models["vace_14b"]
        assert at_scratch(spec, settings, Scratch(tmp_path))["options"]["compile"] is compiled


def test_a_generator_on_several_gpus_is_left_out_with_the_reason() -> None:
    several = "tpige_kedro.video_generators.several_gpus.SeveralGpus"
    options = {"generator": "tpige_kedro.video_generators.wan_vace.WanVace", "split": "branches"}
    changed = parameters("paper", models={"vace_14b": {"type": several, "options": options}})
    stages = stages_of(changed, Settings(env="paper", scale="tiny"))
    (stage,) = [s for s in stages if s.name == "generation of vace_14b"]
    assert stage.left_out == {
        "vace_14b": "works in processes of its own, which are not measured; rehearse options.generator alone, as the type of the entry"
    }
