"""What a finished run leaves, made up: two samples, two variants and a skipped one, small pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tpige_kedro.datasets.mp4 import Clip
from tpige_kedro.metrics.overall import PAPER_WEIGHTS, overall
from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    gather_scores,
    select_experts,
    share_wins,
    summarise_variants,
)
from tpige_kedro.pipelines.reporting.strips import make_strip
from tpige_kedro.schemas import ModelSpec, Moe, Reporting, Scoring, Variant

SAMPLES = ("id1", "id2")
NO_SETS = pd.DataFrame(columns=["variant", "n"])
VALUES = {("vace", "id1"): 0.4, ("vace", "id2"): 0.7, ("vace_pe", "id1"): 0.6}  # id2: no clip


def clip(level: int) -> Clip:
    """Nine grey frames with a strip at the left that tells their time."""
    frames = np.full((9, 32, 48, 3), level, np.uint8)
    frames[:, :, :4] = np.arange(0, 225, 25, dtype=np.uint8)[:, None, None, None]  # a clock
    return Clip(frames, fps=8)


def scores_of(variant: str) -> pd.DataFrame:
    rows = []
    for sample in SAMPLES:
        value = VALUES.get((variant, sample), math.nan)
        parts = {name: value + i / 100 for i, name in enumerate(PAPER_WEIGHTS)}
        row = {**parts, "face_feature_sqdist": 300 * value, "face_rate": value}
        row["overall"] = math.nan if math.isnan(value) else overall(row)
        reasons = {
            f"{name}_reason": "no clip" if math.isnan(v) else None for name, v in row.items()
        }
        rows.append({"sample_id": sample, "variant": variant, **row, **reasons})
    return pd.DataFrame(rows)


@pytest.fixture
def run() -> dict[str, Any]:
    """The inputs of the reporting nodes by dataset name."""
    moe = Moe(experts=("vace", "vace_pe"), baseline="vace", resamples=200)
    scoring = Scoring(scorers=("face",), overall=dict(PAPER_WEIGHTS))
    samples = pd.DataFrame(
        {
            "sample_id": SAMPLES,
            "person_id": ["p1", "p2"],
            "prompt": ["A <b>chef</b> cooks & sings.", "A welder, welding."],
            "reference": ["p1.jpg", "p2.jpg"],
            "consent": "synthetic",
        }
    )
    enhanced = ["A <b>chef</b>, an old man, cooks & sings.", "A welder, welding."]
    all_scores, _ = gather_scores(
        scores_vace=scores_of("vace"), scores_vace_pe=scores_of("vace_pe")
    )
    selection, _ = select_experts(all_scores, samples, moe)
    strips = {
        f"{v}/{s}": make_strip(clip(int(200 * x)).even_frames(4)) for (v, s), x in VALUES.items()
    }
    references = {f"p{i}.jpg": Image.new("RGB", (60, 80), (90 * i, 120, 60)) for i in (1, 2)}
    return {
        "checked_samples": samples,
        "enhanced_prompts": samples.assign(enhanced_prompt=enhanced),
        "references": {name: lambda p=p: p for name, p in references.items()},
        "enhanced_references": {"id1": lambda: Image.new("RGB", (64, 64), "gold")},
        "enhanced_reference_records": {"id1": lambda: {"chosen": "enhanced", "similarity": 0.83}},
        "strips": {key: lambda s=s: s for key, s in strips.items()},
        "all_scores": all_scores,
        "selection": selection,
        "variant_summary": summarise_variants(all_scores, selection, NO_SETS, moe, scoring, 0)[0],
        "variant_differences": compare_variants(all_scores, selection, moe, 0)[0],
        "win_shares": share_wins(selection, moe),
        "variant_status": pd.DataFrame(
            {
                "variant": ["hailuo", "vace", "vace_pe"],
                "status": ["skipped", "ready", "ready"],
                "reason": ["MINIMAX_API_KEY is not set", "", ""],
            }
        ),
        "all_failures": pd.DataFrame(
            [("generation.vace_pe", "id2", "sample id2: out of memory; set batch_size to 1")],
            columns=["stage", "item", "problem"],
        ),
        "variants": {
            "hailuo": Variant(generator="hailuo"),
            "vace": Variant(generator="wan"),
            "vace_pe": Variant(generator="wan", prompt="enhanced", reference="enhanced"),
        },
        "models": {
            "hailuo": ModelSpec(type="a.Hailuo", licence="terms of service", needs=("KEY",)),
            "wan": ModelSpec(
                type="a.Wan", licence="Apache-2.0", source="some/where", revision="abc"
            ),
        },
        "moe": moe,
        "reporting": Reporting(title="A report", setting="Made up."),
        "seed": 7,
    }


def inputs_of(function: Any, run: dict[str, Any]) -> dict[str, Any]:
    """The part of ``run`` that a node function asks for."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {name: run[name] for name in names}


@pytest.fixture
def call(run: dict[str, Any]) -> Any:
    """Calls a node function with what it asks for; keywords replace inputs."""
    return lambda function, **changes: function(**inputs_of(function, run) | changes)


@pytest.fixture
def make_clip() -> Any:
    return clip
