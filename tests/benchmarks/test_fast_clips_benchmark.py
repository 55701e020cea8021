"""The benchmark of whole clips: its parts run at the smallest size, and its tables add up."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import benchmarks.clip_cost.run as fast_clips
from benchmarks.clip_cost import rows
from benchmarks.clip_cost.models import SIZES
from benchmarks.clip_cost.table import as_markdown, counted, counted_with_cache
from benchmarks.evidence.flops import full_flops, plain_flops
from benchmarks.guidance_cost.models import ARCHITECTURES


def run(monkeypatch: pytest.MonkeyPatch, out: Path, *more: str) -> dict[str, Any]:
    arguments = ["fast_clips.py", "--models", "tiny", "--device", "cpu", "--out", str(out), *more]
    monkeypatch.setattr(sys, "argv", arguments)
    fast_clips.main()
    path = out / "rows.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {row["key"]: row for row in map(json.loads, lines)}


def test_forwards_steps_cache_and_clips_are_the_products_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    eager = fast_clips.Configuration("eager", compiled=False)
    all_rows = fast_clips.Configuration(
        "all", "flash_3_fp8", "fp8", compiled=False, steps=2, short_clips=True, cache=True
    )
    monkeypatch.setattr(fast_clips, "CONFIGURATIONS", (eager, all_rows))
    done = run(monkeypatch, tmp_path, "--configurations", "eager", "all")
    assert 0 < done["tiny all forward"]["relative_error"] < 0.2
    assert done["tiny all steps"]["branches"] == [["cond", "uncond", "weak"], ["cond", "uncond"]]
    assert done["tiny all cache"]["count"] == {"pred_cond": 1, "pred_uncond": 1, "pred_weak": 1}
    assert len(done["tiny all clip of 4"]["steps"]) == 4
    assert done["tiny all clip of 8"]["branches"] == [["cond", "weak"]] * 8
    a = SIZES["tiny"].transformer
    assert done["tiny all clip of 8"]["frames"] == [a.num_frames, a.height, a.width, 3]
    assert done["tiny parts"]["mp4"] > 0
    text = (tmp_path / "table.md").read_text()
    assert "| all, 8 steps with GE | made |" in text
    assert "Not measured" not in text
    assert run(monkeypatch, tmp_path, "--configurations", "eager", "all") == done


def test_what_the_time_does_not_allow_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(monkeypatch, tmp_path, "--budget-seconds", "0") == {}
    assert "* tiny exact: no time left" in (tmp_path / "table.md").read_text()


STEPS = {
    "steps": [3.0, 2.0],
    "branches": [["cond", "uncond", "weak"], ["cond", "uncond"]],
    "forwards": [["cond", 1.0], ["uncond", 0.9], ["weak", 0.8], ["cond", 1.0], ["uncond", 0.9]],
}


def test_a_clip_of_50_steps_is_counted_from_its_kinds_of_step() -> None:
    """The first three and every fifth of 50 steps have the weak branch: 12 of 3 s, 38 of 2 s."""
    assert counted(STEPS) == 12 * 3 + 38 * 2
    cached = {
        "computed": [["cond", 1.1], ["uncond", 1.0], ["weak", 0.9]],
        "reused": [["cond", 0.1], ["uncond", 0.2], ["weak", 0.1]],
    }
    # with nothing reused: what watching adds, 0.1 s a forward; with everything: what is left
    assert counted_with_cache(STEPS, cached, 0.0) == pytest.approx(112 + 0.1 * (50 + 50 + 12))
    rest = 12 * 0.3 + 38 * 0.1  # of a step beside its forwards
    assert counted_with_cache(STEPS, cached, 1.0) == pytest.approx(0.3 * 50 + 0.1 * 12 + rest)


def test_tables_say_how_far_the_floor_is_and_what_was_not_timed() -> None:
    facts = {"model": "m", "device": "card", "torch": "2", "diffusers": "0", "commit": "c"}
    facts |= {"rates": {"bf16": 8e14, "fp8": 1.5e15}, "configuration": "exact", "compiled": True}
    forward = {"seconds": [3.4, 3.3], "floor": 2.64, "relative_error": 0.015, "warm_up": 31.2}
    forward |= {"weights_gib": 32.3, "peak_gib": 38.0}
    parts = {"text": 0.3, "reference": 0.2, "grey_clip_once": 2.0, "decode_float32": 3.2}
    parts |= {"decode_bfloat16": 2.0, "mp4": None, "decode_float32_peak_gib": 9.3}
    made = [
        {"key": "m exact forward", "what": "forward", **facts, **forward},
        {"key": "m exact graphs", "what": "graphs", "new_graphs": 0, **facts},
        {"key": "m parts", "what": "parts", **facts, **parts},
        {"key": "m exact steps", "what": "steps", **facts, **STEPS},
    ]
    text = as_markdown(made, {"m fp8": "no time left"}, 0.4)
    assert "| exact | 3.300 | 2.64 (80 %) | 1.50 % | 32.3 | 38.0 | 31 | 0 |" in text
    assert "| 112.0 | 115.7 | not timed |" in text
    assert "| decoding, VAE in float32 | 3.20 | 9.3 |" in text
    assert "* m fp8: no time left" in text


def test_floors_count_linear_layers_and_attention_apart() -> None:
    a = ARCHITECTURES["14b"]
    rates = {"bf16": 8e14, "fp8": 1.6e15}
    exact = rows.floor(a, rates, "bf16", "bf16")
    assert exact == pytest.approx(full_flops(a) / 8e14)
    assert rows.floor(a, rates, "fp8", "fp8") == pytest.approx(exact / 2)
    mixed = rows.floor(a, rates, "fp8", "bf16")
    assert exact / 2 < mixed < exact
    assert rows.attention_flops(a, plain=True) < plain_flops(a, a.tokens)
    assert rows.floor(a, {}, "fp8", "bf16") is None


def test_a_run_ends_after_the_steps_that_were_wanted() -> None:
    clock = rows.Clock(torch.device("cpu"))
    with clock.watching(1):
        raise rows.Enough
    assert clock.steps == []
