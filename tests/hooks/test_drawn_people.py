"""Photos with models that know drawn people only, and environments that take a few samples: both are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from environments import parameters, stages
from tpige_kedro.datasets import SampleFolder
from tpige_kedro.hooks.drawn_people import DrawnPeopleHooks, drawn_only, knows_drawn_only
from tpige_kedro.hooks.parameters import ParameterHooks
from tpige_kedro.schemas import ModelSpec

WAN = "tpige_kedro.video_generators.wan_vace.WanVace"


def samples(*consents: str) -> pd.DataFrame:
    ids = [f"s{i}" for i in range(len(consents))]
    return pd.DataFrame({"sample_id": ids, "consent": consents})


def said(caplog: pytest.LogCaptureFixture, table: pd.DataFrame, stage: str = "full", **changes: Any) -> list[str]:  # fmt: skip
    """The warnings of a run that first saves these samples, and then loads them twice."""
    owner = ParameterHooks()
    owner.parameters = parameters(**changes)
    hooks = DrawnPeopleHooks(owner)
    hooks.before_pipeline_run(stages(stage))
    name = "evaluated_samples" if stage == "evaluate" else "checked_samples"
    hooks.after_dataset_loaded("samples", table)
    hooks.after_dataset_saved(name, table)
    for _ in range(2):
        hooks.after_dataset_loaded(name, table)
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


@pytest.mark.parametrize(
    "stage", ["full", "prompt_enhancement", "generation_variants", "scoring", "evaluate"]
)
def test_photos_are_warned_of_once_with_the_cause(
    caplog: pytest.LogCaptureFixture, stage: str
) -> None:
    (warning,) = said(caplog, samples("granted", "synthetic", "absent"), stage)
    assert warning.startswith("2 of 3 samples are not synthetic (s0, s2), and mini_")
    assert "drawn people only" in warning and "--env=vace_1_3b" in warning


def test_drawn_people_and_stages_without_models_are_not_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert said(caplog, samples("synthetic", "synthetic")) == []
    assert said(caplog, samples("granted"), "moe_selection") == []


def test_models_for_photos_are_not_warned_of() -> None:
    of_photos = ModelSpec(
        type=WAN, licence="Apache-2.0", source="Wan-AI/Wan2.1-VACE-1.3B-diffusers"
    )
    flow = ModelSpec(type="tpige_kedro.metrics.motion_amount.MotionAmountScorer", licence="x")
    assert not knows_drawn_only(of_photos) and not knows_drawn_only(flow)
    assert knows_drawn_only(of_photos.model_copy(update={"source": "data/06_models/mini/vace"}))
    assert "motion_amount" not in drawn_only(stages("scoring"), parameters())


def test_an_environment_that_takes_a_few_samples_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    (tmp_path / "people.csv").write_text("person_id\nada\nbob\n")
    (tmp_path / "prompts.txt").write_text("One.\nTwo.\n")
    assert list(SampleFolder(path=str(tmp_path), nrows=3).load()["sample_id"]) == [
        "ada_1",
        "ada_2",
        "bob_1",
    ]
    assert "only the first 3 of 4 samples" in caplog.text
    caplog.clear()
    SampleFolder(path=str(tmp_path), nrows=4).load()
    assert "only the first" not in caplog.text
