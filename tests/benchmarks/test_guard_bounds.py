"""The bounds of the regression guard keep the false-alarm rate they promise, and its checks see what they are named for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.guard.bounds import bounds_at, draws, values_at
from benchmarks.guard.checks import (
    CHECKS,
    GUIDANCE,
    LEFT_OUT,
    LIKENESS,
    OPENS,
    Column,
    columns,
    hold,
    replaced,
    statistics,
    with_mutant,
)
from benchmarks.guard.clips import CONTROL, FLIPPED, GUIDED, control_of
from tpige_kedro.metrics.overall import PAPER_WEIGHTS

PAIRS = 8
LEVELS = {"phantom": 0.4, "vace": 0.3, CONTROL: 0.59, GUIDED: 0.65}


@pytest.fixture
def clips() -> pd.DataFrame:
    """Every score is the level of the variant; a face is hidden by ``vace`` in every other pair."""
    rows = [
        {
            "sample_id": f"s{i}",
            "variant": variant,
            "mutant": "",
            "hides": i % 2 == 0,
            "face seen": float(variant != "vace" or i % 2 == 1),
            "identity": level + 0.01 * i,
        }
        | dict.fromkeys(PAPER_WEIGHTS, level)
        for variant, level in LEVELS.items()
        for i in range(PAIRS)
    ]
    return pd.DataFrame(rows)


def test_the_value_of_a_check_is_the_lead_over_its_best_rival(clips: pd.DataFrame) -> None:
    values = statistics(columns(clips))
    assert tuple(values) == CHECKS
    assert values[OPENS] == 1
    assert values[GUIDANCE] == pytest.approx(0.06)
    assert values[LIKENESS] == pytest.approx(0.59 + 0.035)
    for metric in PAPER_WEIGHTS:
        assert values[LEFT_OUT.format(metric)] == pytest.approx(0)


def test_the_best_expert_is_that_of_the_mean_not_of_each_pair(clips: pd.DataFrame) -> None:
    metric = "gme_score"
    first = clips["sample_id"].eq("s0") & clips["variant"].eq("phantom")
    name = LEFT_OUT.format(metric)
    values = statistics(columns(clips.assign(**{metric: clips[metric].mask(first, 0.9)})))
    assert values[name] == pytest.approx(0)  # neither chosen for s0 nor the best of all


def test_a_value_below_its_bound_or_without_a_number_fails(clips: pd.DataFrame) -> None:
    hold(clips, {GUIDANCE: 0.059, OPENS: 0.9})
    with pytest.raises(AssertionError, match=rf"{GUIDANCE}: \+0.0600, bound \+0.0610"):
        hold(clips, {GUIDANCE: 0.061, OPENS: 0.9})
    with pytest.raises(AssertionError, match=LIKENESS):
        hold(
            clips.assign(identity=clips["identity"].mask(clips["sample_id"] == "s3")),
            {LIKENESS: -1},
        )


def guided(**guidance: Any) -> dict[str, Any]:
    return {"generator": "mini_vace", "prompt": "enhanced", "guidance": guidance}


def test_the_control_is_the_same_but_for_the_identity_term() -> None:
    variants = {
        "ge": guided(text_weight=1.0, identity_weight=1.0, weak_branch="t2v", reuse_every=5),
        "other_weight": guided(text_weight=1.5),
        "weaker": guided(text_weight=1.0, identity_weight=0.5),
        "plain": guided(text_weight=1.0) | {"prompt": "original"},
        "other_generator": guided(text_weight=1.0) | {"generator": "mini_phantom"},
        "redrawn": guided(text_weight=1.0) | {"reference": "enhanced"},
        "control": guided(text_weight=1.0),
    }
    assert control_of("ge", variants) == "control"
    with pytest.raises(ValueError, match="ge needs one control"):
        control_of("ge", {k: v for k, v in variants.items() if k != "control"})
    with pytest.raises(ValueError, match=r"control.*twin"):
        control_of("ge", {**variants, "twin": variants["control"]})


def test_the_control_in_conf_base_is_prompt_enhancement_alone() -> None:
    assert CONTROL == "vace_pe"


def test_a_broken_product_is_judged_by_its_own_clips(clips: pd.DataFrame) -> None:
    broken = clips[clips["variant"] == GUIDED].assign(mutant=FLIPPED, identity=0.1)
    mixed = with_mutant(pd.concat([clips, broken]), FLIPPED)
    assert len(mixed) == len(clips)
    assert (mixed.loc[mixed["variant"] == GUIDED, "identity"] == 0.1).all()
    assert statistics(columns(replaced(clips, GUIDED, by=CONTROL)))[GUIDANCE] == 0


def test_sets_are_half_face_hiding() -> None:
    hides = np.arange(20) % 4 == 0
    assert all(hides[rows].sum() == 4 and len(rows) == 8 for rows in draws(hides, 8, 50, seed=0))


def column(values: np.ndarray) -> Column:
    return Column(values, np.zeros((len(values), 1)), np.ones(len(values), bool))


def test_bounds_raise_as_many_false_alarms_as_promised() -> None:
    generator = np.random.default_rng(0)
    measured, n, rate, trials = 24, 8, 0.1, 300
    rows = draws(np.arange(measured) % 2 == 0, n, 150, seed=1)
    alarms = 0
    for _ in range(trials):
        values = values_at({GUIDANCE: column(generator.normal(0.3, 1, measured))}, rows)
        bound = bounds_at(values, n, measured, rate)
        alarms += generator.normal(0.3, 1, n).mean() < bound.loc[GUIDANCE, "bound"]
    assert 0.05 < alarms / trials < 0.15  # 2.9 standard errors


def test_a_share_of_one_is_not_taken_for_certain() -> None:
    rows = draws(np.arange(48) % 2 == 0, 16, 100, seed=0)
    values = values_at({OPENS: column(np.ones(48))}, rows)
    assert 0.6 < bounds_at(values, 16, 48, 0.005).loc[OPENS, "bound"] < 0.9
