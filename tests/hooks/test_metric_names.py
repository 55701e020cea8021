from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hooks.test_model_options import ENVIRONMENTS, problems
from tpige_kedro.errors import TpigeError
from tpige_kedro.schemas import Scoring

PARTS = ("gme_score", "cur_score", "arc_score", "motion_smoothness", "imaging_quality")
NONE = dict.fromkeys(PARTS, 0)


@pytest.mark.parametrize("env", ENVIRONMENTS)
@pytest.mark.parametrize("metric", PARTS)
def test_a_misspelt_metric_is_named_with_the_nearest(env: str, metric: str) -> None:
    wrong = metric[:-1]
    (line,) = problems(env, {"scoring": {"overall": {wrong: 0.3}}})
    assert line == (
        f"  scoring.overall.{wrong}: no scorer gives this metric; did you mean {metric}?"
    )


@pytest.mark.parametrize(
    ("env", "scoring", "messages"),
    [
        ("base", {"overall": NONE}, ["scoring.overall: all weights are zero"]),
        (
            "base",
            {"overall": {"face_feature_sqdist": 0.1}},
            ["scoring.overall.face_feature_sqdist: for this metric lower is better"],
        ),
        (
            "base",
            {"scorers": ["mini_face", "mini_motion", "mini_imaging"]},
            [
                "scoring.overall.gme_score: no model under scoring.scorers gives this metric; add mini_alignment"
            ],
        ),
        (
            "paper",
            {"scorers": ["photo_face", "photo_gme", "photo_motion", "photo_imaging", "mini_face"]},
            ["scoring.scorers: photo_face and mini_face both give cur_score, "],
        ),
        (
            "paper",
            {"set_scorer": "photo_face_set", "overall": {"face_fid": 0.1}},
            [
                "scoring.overall.face_fid: photo_face_set gives it for all clips of a variant, not for a clip"
            ],
        ),
        ("paper", {"overall": {"clip_score": 0.1}}, []),
        ("base", {"overall": {"clip_score": 0.1}}, ["scoring.overall.clip_score: no scorer"]),
        ("base", {"overall": {"gme_score": "0.3"}}, ["scoring.overall.gme_score: "]),
        ("base", {"overall": {"gme_score": True}}, ["scoring.overall.gme_score: "]),
        ("base", {"overall": {"gme_score": float("nan")}}, ["scoring.overall.gme_score: "]),
        ("base", {"overall": {"gme score": 0.3}}, ["scoring.overall.gme score"]),
        (
            "base",
            {"scorers": ["mini_motion", "mini_imaging"], "overall": {**NONE, "imaging_quality": 1}},
            [],
        ),
    ],
)
def test_weights_and_scorers_are_checked_against_each_other(
    env: str, scoring: dict[str, Any], messages: list[str]
) -> None:
    found = problems(env, {"scoring": scoring})
    assert len(found) == len(messages), found
    for line, message in zip(found, messages, strict=True):
        assert line.startswith(f"  {message}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"scoring": {"scorers": ["mini_face"] * 2}},
            "scoring.scorers: mini_face appears more than once",
        ),
        (
            {"moe": {"experts": ["vace", "vace", "phantom"]}},
            "moe.experts: vace appears more than once",
        ),
        (
            {"moe": {"comparisons": [["vace", "vace"]]}},
            "moe.comparisons: [vace, vace] compares a variant with itself",
        ),
        (
            {"moe": {"comparisons": [["vace_pe", "vace"], ["vace_pe", "vace"]]}},
            "moe.comparisons: [vace_pe, vace] appears more than once",
        ),
        (
            {"moe": {"experts": ["vacee", "phantom"]}},
            "moe.experts: no variant 'vacee' under variants (there are ['hailuo', 'phantom', 'phantom_pe_ge', 'vace', 'vace_pe', 'vace_pe_fast', 'vace_pe_ge', 'vace_pe_ge_fast', 'vace_pe_ie']); did you mean vace?",
        ),
        (
            {"scoring": {"scorers": ["mini_fase"]}},
            "scoring.scorers[0]: no model 'mini_fase' under models (there are ['hailuo', ",
        ),
    ],
)
def test_names_that_are_twice_there_or_unknown(change: dict[str, Any], message: str) -> None:
    (line,) = problems("base", change)
    assert line.startswith(f"  {message}")


def test_a_scorer_of_ones_own_says_its_metrics_in_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "warm_scorer.py").write_text(
        "from tpige_kedro.metrics.protocol import MetricSpec\nimport heavy_library_of_mine\n"
        "class Warm:\n    version = 1\n    metrics = (MetricSpec('warmth', 'Warmth', 0, 1, 'higher', 'mine'),)\n"
        "    def __init__(self, source, revision=None): pass\n    def score(self, clip): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    change: dict[str, Any] = {
        "models": {"warm": {"type": "warm_scorer.Warm", "licence": "x", "source": "y"}},
        "scoring": {"scorers": ["warm"], "overall": {**NONE, "warmth": 1}},
    }
    assert problems("base", change) == []
    change["scoring"]["overall"]["warmht"] = change["scoring"]["overall"].pop("warmth")
    (line,) = problems("base", change)
    assert line.endswith("did you mean warmth?")


def test_a_weight_of_zero_is_no_part() -> None:
    assert Scoring(scorers=("a",), overall={"a": 2.0, "b": 0.0}).overall == {"a": 2.0}


def test_selection_without_a_metric_of_its_scores_says_what_to_run() -> None:
    import pandas as pd

    from tpige_kedro.pipelines.moe_selection.candidates import held_out_scores

    scores = pd.DataFrame({"sample_id": ["s"], "variant": ["a"], "overall": [0.5], "x": [0.5]})
    with pytest.raises(TpigeError, match=r"no y.*kedro run --pipelines=scoring"):
        held_out_scores(scores, ["a"], {"x": 0.5, "y": 0.5})
