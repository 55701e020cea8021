"""Forwards, FLOPs and seconds of the guidance, and how much of its gain a schedule keeps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import synthetic_clips as world
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.ablation.rows import load_rows
from benchmarks.evidence.costs import (
    MEASURED,
    branch_forwards,
    cost,
    measured_weak_shares,
    recommendation,
)
from benchmarks.evidence.flops import full_flops, weak_flops
from benchmarks.guidance_cost.models import ARCHITECTURES, Workload
from benchmarks.guidance_cost.rows import FORMS, guided
from benchmarks.guidance_cost.table import over_cfg, step_seconds
from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.wan_denoise import VaceDenoiser


def test_forwards_and_costs_by_hand() -> None:
    seconds = measured_weak_shares()
    rows = {row.name: row for row in load_rows()}
    of = {(name, steps): cost(rows[name], steps, seconds) for name in rows for steps in (20, 50)}
    weak = weak_flops(ARCHITECTURES["14b"], Guidance(weak_branch="t2v")) / full_flops(
        ARCHITECTURES["14b"]
    )
    assert weak == pytest.approx(0.770, abs=5e-4)  # 1678 of 2179 TFLOP
    assert of["vace_pe", 20]["x_cfg_flops"] == of["vace_pe", 50]["x_cfg_seconds"] == 1.0
    assert of["wc_0", 50]["x_cfg_flops"] == 0.5  # no unconditional branch
    assert of["wc_0_wi_1", 20]["x_cfg_flops"] == pytest.approx((1 + weak) / 2)
    assert of["reuse_4", 20]["weak"] == 7  # steps 0, 1, 2, 4, 8, 12, 16
    assert of["reuse_4", 50]["weak"] == 15  # 0, 1, 2, 4, 8, ... 48
    assert of["first_half_reuse_4", 20]["weak"] == 5  # 0, 1, 2, 4, 8
    assert of["reuse_4", 50]["x_cfg_flops"] == pytest.approx(1 + 0.15 * weak)
    assert of["linear", 20]["x_cfg_flops"] == pytest.approx(1 + weak / 2)  # a decay saves nothing
    assert of["always", 50]["x_cfg_seconds"] == pytest.approx(
        1.376, abs=1e-3
    )  # docs/performance.md


@pytest.mark.parametrize("form", FORMS)
def test_seconds_add_up_as_in_the_table_of_the_guidance_benchmark(form: str) -> None:
    path = MEASURED
    rows = pd.read_json(path, lines=True).query("model == '14b'").to_dict("records")
    guidance = guided(form, reuse_every=5)
    runs = branch_forwards(guidance, 50)
    weak = measured_weak_shares()[form]
    ours = (100 + weak * runs["pred_weak"]) / 100
    assert ours == pytest.approx(over_cfg(guidance, step_seconds(rows)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("skip", [(), (1, 2)])
def test_flops_are_what_the_denoiser_runs(form: str, skip: tuple[int, ...]) -> None:
    tiny = ARCHITECTURES["tiny"]
    work = Workload(tiny, torch.device("meta"), torch.bfloat16)
    guidance = Guidance(identity_weight=0.5, weak_branch=form, skip_layers=skip)
    components = SimpleNamespace(
        transformer=work.transformer, guider=IdAwareGuidance.from_settings(guidance)
    )
    with FlopCounterMode(display=False) as counter:
        VaceDenoiser()(components, work.state(guidance, 4), 0, torch.tensor(976, device="meta"))
    expected = 2 * full_flops(tiny) + weak_flops(tiny, guidance)
    assert counter.get_total_flops() == pytest.approx(expected, rel=1e-9)


def test_the_share_of_the_gain_is_the_one_put_in(out: Path) -> None:
    costs = world.table(out, "costs").query("seed == 'pooled' and steps == 20").set_index("row")
    rows = {row.name: row for row in load_rows()}
    for name in ("late", "first_half", "linear", "reuse_3", "first_half_reuse_4", "half_reuse_4"):
        kept = costs.loc[name]
        width = kept["high"] - kept["low"]
        gain = rows[name].variant.guidance.identity_weight  # of half a gain a share is half as sure
        off = abs(kept["identity_kept"] - world.share_kept(rows[name]))
        assert off < 0.75 * width < 0.2 / gain, name
        assert kept["n"] == world.FIRST
    assert costs.loc["always", "identity_kept"] == costs.loc["half_always", "identity_kept"] == 1
    assert np.isnan(costs.loc["reuse_8", "identity_kept"])  # no clips, but a cost
    assert costs.loc["reuse_8", "weak"] == 5
    assert costs.loc["vace", "mini_seconds_a_clip"] == pytest.approx(0.05)


def test_the_recommendation_keeps_enough_at_little_cost_or_says_what_there_is() -> None:
    columns = ["row", "x_cfg_flops", "x_cfg_seconds", "identity_kept", "low", "high"]
    rows = [
        ("always", 1.38, 1.38, 1.0, 1.0, 1.0),
        ("dear", 1.2, 1.2, 0.99, 0.97, 1.01),
        ("poor", 1.05, 1.05, 0.7, 0.6, 0.8),
    ]
    good = ("good", 1.09, 1.08, 0.96, 0.93, 0.99)

    def advice(lines: list[tuple]) -> str:
        costs = pd.DataFrame(lines, columns=columns)
        costs = costs.assign(family="schedule", seed="pooled", steps=20)
        return recommendation(costs, "schedule")[0]

    assert advice([*rows, good]).startswith("At 20 steps: `good` keeps 96 % [93, 99]")
    assert "not sure" in advice([*rows, good])
    assert "not sure" not in advice([*rows, (*good[:4], 0.951, 0.99)])
    without = advice(rows)
    assert "no schedule keeps 95 %" in without
    assert "at that cost: `poor`" in without and "as much: `dear`" in without
    by_seconds_only = [*rows, ("uneven", 1.15, 1.08, 0.96, 0.95, 0.97)]
    assert "no schedule" in advice(by_seconds_only)  # both costs have to be low
