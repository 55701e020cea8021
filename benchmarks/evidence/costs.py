"""What each VACE row costs beside plain text guidance, and how much of the identity gain a cheaper schedule keeps."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.ablation.rows import Row
from benchmarks.evidence.flops import weak_share
from benchmarks.evidence.records import POOLED, Records, seed_names, with_pooled
from benchmarks.evidence.statistics import Array, ratio_interval
from benchmarks.guidance_cost.table import step_seconds
from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.schemas import Guidance

MEASURED = Path(__file__).parents[1] / "guidance_cost" / "guidance_h200.jsonl"
MODEL = "14b"
STEPS = (20, 50)  # of the mini run, and as published
FULL = ("pred_cond", "pred_uncond")
# sweep: its row in which the identity term is computed at every step
SCHEDULES = {"schedule": "always", "schedule_half": "half_always"}
NEVER = "vace_pe"  # the row without the identity term
ENOUGH, CHEAP = 0.95, 1.10  # the share of the gain to keep, at most at this cost
KEPT = "identity"


def branch_forwards(guidance: Guidance, steps: int) -> Counter[str]:
    """How often each branch runs in a run of ``steps`` steps, as the guider itself says."""
    guider, runs = IdAwareGuidance.from_settings(guidance), Counter[str]()
    for step in range(steps):
        guider.set_state(step, steps, None)
        runs.update(guider.branches())
    return runs


def over_cfg(runs: Counter[str], steps: int, weak: float) -> float:
    """Cost of a run in runs of plain text guidance (two full forwards a step); ``weak`` is a weak forward in full ones."""
    return (sum(runs[name] for name in FULL) + weak * runs["pred_weak"]) / (2 * steps)


def measured_weak_shares(file: Path = MEASURED, model: str = MODEL) -> dict[str, float]:
    """Seconds of the weak branch in its form over half a step of plain text guidance, as measured on the card."""
    lines = (json.loads(line) for line in file.read_text().splitlines())
    kinds = step_seconds([row for row in lines if row["model"] == model])
    plain = kinds.pop("CFG")
    return {name.removeprefix("GE "): (s - plain) / (plain / 2) for name, s in kinds.items()}


def seconds_a_clip(runs: list[dict[str, Any]], made_as: str) -> float:
    """Mean seconds of a clip of the mini models over the runs of the ablation that say so; else NaN."""
    found = [
        run["seconds"][made_as] / run["clips"][made_as]
        for run in runs
        if run.get("seconds", {}).get(made_as) and run.get("clips", {}).get(made_as)
    ]
    return fmean(found) if found else np.nan


def costs(records: Records, runs: list[dict[str, Any]], seed: int) -> pd.DataFrame:
    """Forwards, costs and the share of the identity gain kept: a line per VACE row, training seed and number of steps.

    ``x_cfg_flops`` weighs a weak forward by its FLOPs at the 14B's size, ``x_cfg_seconds`` by seconds measured there (with layer
    2 skipped, but for ``t2v``). ``identity_kept`` is of the mini run, hence of its 20 steps. Rows outside the
    schedules have none, nor have rows without clips.
    """
    seconds = measured_weak_shares()
    kept = {
        name: identity_kept(records, family, name, seed)
        for family in SCHEDULES
        for name in schedule_rows(records, family)
    }
    out: list[dict[str, Any]] = []
    for row in records.rows:
        if row.variant.generator != "mini_vace":
            continue
        for steps in STEPS:
            entry = cost(row, steps, seconds)
            if steps == STEPS[0]:
                entry["mini_seconds_a_clip"] = seconds_a_clip(runs, row.made_as)
            shares = kept.get(row.name) or [{"seed": POOLED}]
            out += [{**entry, **share} for share in shares]
    columns = ["family", "row", "weak_branch", "steps", "cond", "uncond", "weak"]
    columns += ["x_cfg_flops", "x_cfg_seconds", "mini_seconds_a_clip", "seed"]
    columns += ["n", "identity_kept", "low", "high"]
    return pd.DataFrame(out, columns=columns)


def cost(row: Row, steps: int, seconds: dict[str, float]) -> dict[str, Any]:
    """Forwards per branch of a run, and what they cost."""
    guidance = row.variant.guidance
    runs = branch_forwards(guidance, steps)
    form = guidance.weak_branch if runs["pred_weak"] else ""
    return {
        "family": row.family,
        "row": row.name,
        "weak_branch": form,
        "steps": steps,
        **{name: runs[f"pred_{name}"] for name in ("cond", "uncond", "weak")},
        "x_cfg_flops": over_cfg(runs, steps, weak_share(guidance, MODEL)),
        "x_cfg_seconds": over_cfg(runs, steps, seconds[form] if form else 0.0),
    }


def schedule_rows(records: Records, family: str) -> list[str]:
    """The schedules of a sweep whose share can be told: all that have clips, if with and without the identity term has, too."""
    ends = SCHEDULES[family], NEVER
    if any(records.of(name) is None for name in ends) or records.measure(KEPT) is None:
        records.note(f"identity kept: needs {' and '.join(ends)} and the measure {KEPT}")
        return []
    return [row.name for row in records.family(family)]


def identity_kept(records: Records, family: str, name: str, seed: int) -> list[dict[str, Any]]:
    """(row - without) / (always - without), per training seed and pooled, over the clips that all rows of the sweep have."""
    ends = SCHEDULES[family], NEVER
    with_term, without, row = (identities(records, family, n) for n in (*ends, name))
    gains = with_pooled(np.stack([row - without, with_term - without], axis=-1))
    out = []
    for of, gain in zip(seed_names(records), gains, strict=True):
        both = np.isfinite(gain).all(axis=-1)
        if both.any():
            share, low, high = ratio_interval(gain[both, 0], gain[both, 1], seed)
            kept = {"identity_kept": share, "low": low, "high": high}
            out.append({"seed": of, "n": int(both.sum()), **kept})
    return out


def identities(records: Records, family: str, name: str) -> Array:
    """The identity (seeds, samples) of a row that has clips, where all rows of a sweep have one."""
    clips = records.of(name)
    assert clips is not None
    inside = records.shared_clips([row.name for row in records.family(family)])
    return np.where(inside, clips[..., records.measures.index(KEPT)], np.nan)


def recommendation(table: pd.DataFrame, family: str) -> list[str]:
    """Sentences: which schedule of a sweep keeps enough of the gain at little cost, for each number of steps, or the best trade."""
    out = []
    for steps in STEPS:
        of = (table["family"] == family) & (table["steps"] == steps) & (table["seed"] == POOLED)
        known = table[of & table["identity_kept"].notna() & (table["row"] != SCHEDULES[family])]
        if len(known):
            of_mini = "" if steps == STEPS[0] else f" (with the shares measured at {STEPS[0]})"
            out.append(f"At {steps} steps{of_mini}: {_trade(known)}")
    return out


def _trade(known: pd.DataFrame) -> str:
    cost = known[["x_cfg_flops", "x_cfg_seconds"]].max(axis=1)
    cheap, enough = cost <= CHEAP, known["identity_kept"] >= ENOUGH
    both = known[cheap & enough]
    aim = f"{100 * ENOUGH:.0f} % of the gain at no more than {CHEAP:.2f} × in FLOPs and in seconds"
    if len(both):
        best = both.loc[cost[both.index].idxmin()]
        sure = "" if best["low"] >= ENOUGH else " The interval reaches below, so this is not sure."
        return f"{_named(best)}, which is {aim}.{sure}"
    parts = [f"no schedule keeps {aim}."]
    if cheap.any():
        parts.append(
            f"The most at that cost: {_named(known.loc[known[cheap]['identity_kept'].idxmax()])}."
        )
    if enough.any():
        parts.append(
            f"The cheapest that keeps as much: {_named(known.loc[cost[enough].idxmin()])}."
        )
    return " ".join(parts)


def _named(row: pd.Series) -> str:
    return (
        f"`{row['row']}` keeps {100 * row['identity_kept']:.0f} % "
        f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}] at {row['x_cfg_flops']:.3f} × in FLOPs "
        f"and {row['x_cfg_seconds']:.3f} × in seconds"
    )
