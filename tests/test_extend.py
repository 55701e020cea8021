"""The classes and the configuration of docs/extend.md, as they stand there, in a run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from project import ROOT, Project
from tpige_kedro.datasets.mp4 import Mp4Dataset

PAGE = (ROOT / "docs/extend.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_own_models_take_part(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/my_models.py").write_text(block("python"))
    monkeypatch.syspath_prepend(tmp_path / "own")
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    project.configure(**yaml.safe_load(block("yaml")))
    project.run()
    scores = project.table("08_reporting/scores.parquet").set_index(["variant", "sample_id"])
    assert scores["redness"].between(0, 1).all()
    clips = project.data / "07_model_output/clips/panned"
    assert Mp4Dataset(filepath=str(clips / "s1.mp4")).load().frames.shape == (9, 64, 64, 3)
    prompts = project.table("05_model_input/enhanced_prompts.parquet")
    assert prompts["enhanced_prompt"].str.contains("grey hair").all()
    summary = project.table("08_reporting/variant_summary.parquet")
    assert {"panned", "vace"} <= set(summary.loc[summary["metric"] == "redness", "variant"])
