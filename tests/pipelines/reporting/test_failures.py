from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from finished_run import GIVEN, fill, folder

from tpige_kedro.datasets import Items
from tpige_kedro.errors import TpigeError
from tpige_kedro.pipelines.reporting.failures import (
    collect_clip_failures,
    collect_failures,
    collect_input_failures,
    collect_sample_issues,
)

ISSUES = pd.DataFrame(
    {"sample_id": ["bad", "bad"], "problem": ["no such file", "no such file"]}
)  # listed twice


def failed(root: Path, stage: str, key: str) -> Items:
    """The items of a stage of which one failed."""
    items = folder(root / stage, GIVEN.get(stage, {}))
    fill(items, {key: TpigeError(f"{key} is broken"), f"{key}_too": TpigeError("")})
    return items.load()


def test_failures_of_all_stages_are_in_one_table(tmp_path: Path) -> None:
    inputs = collect_input_failures(
        ISSUES,
        failed(tmp_path, "face_attributes", "p1"),
        failed(tmp_path, "rewritten_prompts", "s1"),
        failed(tmp_path, "written_reference_prompts", "s1"),
        failed(tmp_path, "enhanced_references", "s1"),
    )
    clips = collect_clip_failures(
        inputs,
        failed(tmp_path, "clips", "vace/s1"),
        failed(tmp_path, "clip_scores", "vace/s1"),
        failed(tmp_path, "set_score_items", "vace"),
    )
    table = collect_failures(clips, failed(tmp_path, "strips", "vace/s1"))
    first = table.drop_duplicates("stage")
    assert list(zip(first["stage"], first["item"], strict=True)) == [
        ("samples", "bad"),
        ("prompt_enhancement", "p1"),
        ("prompt_rewriting", "s1"),
        ("reference_prompts", "s1"),
        ("reference_enhancement", "s1"),
        ("generation_variants.vace", "s1"),
        ("scoring.vace", "s1"),
        ("set_scoring", "vace"),
        ("strips", "vace/s1"),
    ]
    assert len(table) == 1 + 8 * 2 and "TpigeError" in set(table["problem"])
    json.dumps(table.to_dict("records"))


def test_an_evaluation_has_only_the_refused_samples(tmp_path: Path) -> None:
    assert collect_sample_issues(ISSUES).values.tolist() == [["samples", "bad", "no such file"]]
    none = collect_sample_issues(ISSUES.head(0))
    none.to_parquet(tmp_path / "none.parquet")
    assert list(pd.read_parquet(tmp_path / "none.parquet").columns) == ["stage", "item", "problem"]
