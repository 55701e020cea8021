"""What a stage of a rehearsal is given in place of what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tpige_kedro.rehearsal.plan import at_scratch, job_of
from tpige_kedro.rehearsal.rehearse import Rehearsal
from tpige_kedro.rehearsal.scratch import Scratch
from tpige_kedro.rehearsal.settings import Settings


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
