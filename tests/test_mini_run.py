"""The shipped models on the shipped demo, in the smallest setting: real clips, real scores, and a rerun that loads nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from project import ROOT, Project
from tpige_kedro import models
from tpige_kedro.datasets import Mp4Dataset
from tpige_kedro.metrics.catalog import METRICS

DEMO = ROOT / "data" / "01_raw" / "demo"
VARIANTS = {
    "vace": {"generator": "mini_vace", "guidance": {"text_weight": 1.0}},
    "vace_pe_ie": {"generator": "mini_vace", "prompt": "enhanced", "reference": "enhanced", "guidance": {"text_weight": 1.0}},
    "phantom": {"generator": "mini_phantom", "guidance": {"text_weight": 1.0}},
}  # fmt: skip


@pytest.fixture
def smallest(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path, env="test")
    shutil.copytree(ROOT / "conf", project.conf)
    (project.conf / "base" / "parameters_variants.yml").write_text(
        yaml.safe_dump({"variants": VARIANTS})
    )
    (project.conf / "test" / "mlflow.yml").write_text("enabled: false\n")
    project.configure(
        moe={"experts": list(VARIANTS), "comparisons": []},
        models={
            name: {"options": {"num_frames": 5, "steps": 2}}
            for name in ("mini_vace", "mini_phantom")
        },
    )
    yield project


def run(project: Project) -> None:
    bootstrap_project(ROOT)
    roots = {"data_root": str(project.data), "samples_root": str(DEMO)}
    with KedroSession.create(
        project_path=ROOT, env=project.env, conf_source=str(project.conf), runtime_params=roots
    ) as session:
        session.run(pipeline_names=["full"])


def test_the_demo_goes_through_every_stage(
    smallest: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(smallest)
    samples = smallest.table("02_intermediate/checked_samples.parquet")["sample_id"].tolist()
    assert len(samples) == 2

    for variant in VARIANTS:
        for sample in samples:
            clip = Mp4Dataset(
                filepath=str(smallest.data / f"07_model_output/clips/{variant}/{sample}.mp4")
            ).load()
            assert clip.frames.shape == (5, 80, 80, 3)
            assert clip.frames.std() > 10, "a picture, not a plain colour"
            record = json.loads(
                (smallest.data / f"07_model_output/clips/{variant}/{sample}.json").read_text()
            )
            source = models.model_revision(record["maker"]["source"])
            assert record["maker"]["revision"] == source and record["seconds"] > 0

    prompts = smallest.table("05_model_input/enhanced_prompts.parquet")
    assert (prompts["source"] == "model").all() and (
        prompts["enhanced_prompt"] != prompts["prompt"]
    ).all()

    scores = smallest.table("08_reporting/scores.parquet")
    assert len(scores) == len(VARIANTS) * len(samples)
    for name, spec in METRICS.items():
        if name in scores:
            values = scores[name].dropna()
            assert ((values >= spec.low - 1e-6) & (values <= spec.high + 1e-6)).all(), name
    for name in ("gme_score", "motion_smoothness", "imaging_quality"):
        assert scores[name].notna().all() and scores[name].nunique() > 1, name
    selection = smallest.table("08_reporting/selection.parquet")
    assert selection["sample_id"].tolist() == samples
    assert (np.isfinite(selection["overall"]) == selection["reason"].isna()).all()
    assert (smallest.data / "08_reporting" / "report.html").stat().st_size > 10_000

    def never(spec: object) -> None:
        raise AssertionError(f"a finished run loaded {spec}")

    models.release_models()
    monkeypatch.setattr(models, "load_model", never)
    run(smallest)
    pd.testing.assert_frame_equal(
        smallest.table("08_reporting/scores.parquet"), scores, check_exact=True
    )
