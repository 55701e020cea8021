"""Numbers that limit what docs/evidence.md may say: noise that the methods share, what a choice costs, one pair, one training.

Every one is computed from the clips' records; ``wording.csv.gz`` holds them, and the last section of ``tables.md`` shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from benchmarks.ablation.rows import MAIN, TRUTH
from benchmarks.evidence.claims import MARGINS
from benchmarks.evidence.costs import (
    MODEL,
    NEVER,
    SCHEDULES,
    STEPS,
    branch_forwards,
    identities,
    over_cfg,
)
from benchmarks.evidence.flops import phantom_share, weak_share
from benchmarks.evidence.records import POOLED, Records, with_pooled
from benchmarks.evidence.selection import DRAWS, EXPERTS, OVERALL, Chosen
from benchmarks.evidence.statistics import Array, ratio_interval
from benchmarks.evidence.summary import MAIN_COMPARISONS, described
from tpige_kedro.guidance.phantom import PhantomGuidance
from tpige_kedro.metrics.statistics import CONFIDENCE
from tpige_kedro.schemas import Variant

COLUMNS = ["about", "what", "measure", "n", "value", "low", "high"]
SIZE = 0.005  # a difference of less is too small for its sign to matter
HALF, ONE = "wc_1_wi_0.5", "wc_1_wi_1"
PRICED = ("identity", "text match", "gme_score", "imaging_quality")
JUDGED = ("identity", "text match", "overall")
Entry = dict[str, Any]


def wording(records: Records, differences: pd.DataFrame, seed: int) -> pd.DataFrame:
    """All numbers, one a line; what the records cannot say is left out."""
    found = [
        *shared_noise(records),
        *other_noise(records, seed),
        *choice_costs(records),
        *more_weight(records, seed),
        *without_one_pair(records, seed),
        *signs(records),
        *trainings(differences),
        *spreads(records),
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def entry(about: str, what: str, measure: str, n: int, value: float, *interval: float) -> Entry:
    low, high = interval or (np.nan, np.nan)
    return dict(zip(COLUMNS, (about, what, measure, n, value, low, high), strict=True))


def clips_of(records: Records, *names: str) -> list[Array] | None:
    """The measures of rows, or ``None`` if one has no clips."""
    found = [records.of(name) for name in names]
    return None if any(clips is None for clips in found) else [c for c in found if c is not None]


def shared_noise(records: Records) -> Iterator[Entry]:
    """How alike the overall scores of two rows are, clip by clip: the same noise against other noise. Mean over the seeds."""
    for a, b in (("vace_pe", DRAWS[0]), DRAWS[:2]):
        clips = clips_of(records, a, b)
        at = records.measure(OVERALL)
        if clips is None or at is None:
            continue
        pairs = [(x[:, at], y[:, at]) for x, y in zip(*clips, strict=True)]
        both = [np.isfinite(x) & np.isfinite(y) for x, y in pairs]
        values = [np.corrcoef(x[m], y[m])[0, 1] for (x, y), m in zip(pairs, both, strict=True) if m.sum() > 2]  # fmt: skip
        if values:
            n = int(sum(m.sum() for m in both))
            yield entry("noise", f"correlation of {a} and {b}", OVERALL, n, float(np.mean(values)))


def other_noise(records: Records, seed: int) -> Iterator[Entry]:
    """The selection where GE alone starts from other noise: each further draw takes its place in turn, and their mean is reported."""
    if clips_of(records, *EXPERTS, *DRAWS) is None:
        return
    measures = [m for m in JUDGED if m in records.measures]
    at = [records.measures.index(m) for m in measures]
    for words, stand_ins in (("shared noise", DRAWS[:1]), ("GE from other noise", DRAWS[1:])):
        gains, leads = [], []
        for draw in stand_ins:
            experts = [draw if name == DRAWS[0] else name for name in EXPERTS]
            moe, best = Chosen(records, experts, DRAWS).clips("")
            gains.append((moe - records.values[draw])[..., at])
            leads.append((best - moe)[..., at])
        for what, each in (("MoE - GE", gains), ("best of five - MoE", leads)):
            pooled = with_pooled(np.mean(each, axis=0))
            for e in described(records, pooled, seed, "value", measures):
                if e["seed"] == POOLED:
                    yield entry(
                        "noise",
                        f"{words}: {what}",
                        e["measure"],
                        e["n"],
                        e["value"],
                        e["low"],
                        e["high"],
                    )


def runs_of_cfg(variant: Variant, steps: int) -> float:
    """The cost of a clip in runs of VACE's plain text guidance, by FLOPs at the 14B's size."""
    if variant.generator == "mini_vace":
        runs = branch_forwards(variant.guidance, steps)
        weak = weak_share(variant.guidance, MODEL) if runs["pred_weak"] else 0.0
        return over_cfg(runs, steps, weak)
    guider, forwards = PhantomGuidance.from_settings(variant.guidance, image_scale=2.0), 0
    for step in range(steps):
        guider.set_state(step, steps, None)
        forwards += len(guider.branches())
    return phantom_share(MODEL) * forwards / (2 * steps)


def choice_costs(records: Records) -> Iterator[Entry]:
    """What the clips cost that a choice has: the five experts', and five draws of GE."""
    variants = {row.name: row.variant for row in records.rows}
    for steps in STEPS:
        for what, names in (("MoE of five experts", EXPERTS), ("best of five", DRAWS)):
            cost = sum(runs_of_cfg(variants[name], steps) for name in names)
            yield entry("cost", f"{what}, {steps} steps", "x CFG, FLOPs", len(names), cost)


def more_weight(records: Records, seed: int) -> Iterator[Entry]:
    """W_i 1 against W_i 0.5, gain and price of the same step."""
    clips = clips_of(records, ONE, HALF)
    measures = [m for m in PRICED if m in records.measures]
    if clips is None or not measures:
        return
    at = [records.measures.index(m) for m in measures]
    gap = with_pooled((clips[0] - clips[1])[..., at])
    for e in described(records, gap, seed, "value", measures):
        if e["seed"] == POOLED:
            yield entry("W_i 1 - W_i 0.5", f"{ONE} - {HALF}", e["measure"], e["n"], e["value"], e["low"], e["high"])  # fmt: skip


def without_one_pair(records: Records, seed: int) -> Iterator[Entry]:
    """The share of the gain that a schedule keeps with all pairs, and without the one whose absence changes it most."""
    for family, whole in SCHEDULES.items():
        rows = [row.name for row in records.family(family) if row.variant.guidance.reuse_every > 1]
        if clips_of(records, whole, NEVER) is None or records.measure("identity") is None:
            continue
        for name in rows:
            with_term, without, row = (identities(records, family, n) for n in (whole, NEVER, name))
            gain = with_pooled(np.stack([row - without, with_term - without], axis=-1))[-1]
            gain = gain[np.isfinite(gain).all(axis=1)]
            if len(gain) < 3 or not gain[:, 1].sum():
                continue
            others = gain.sum(axis=0) - gain
            shares = others[:, 0] / others[:, 1]
            one = int(np.abs(shares - gain[:, 0].sum() / gain[:, 1].sum()).argmax())
            for words, part in (("all pairs", gain), ("without one pair", np.delete(gain, one, 0))):
                share = ratio_interval(part[:, 0], part[:, 1], seed)
                yield entry("identity kept", f"{name}, {words}", "identity", len(part), *share)


def signs(records: Records) -> Iterator[Entry]:
    """Of all pairs of main rows and measures: how many differ by more than ``SIZE``, and how many of these change sign by training."""
    names = [r.name for r in records.rows if r.family == MAIN and r.name not in DRAWS[1:]]
    known = [n for n in dict.fromkeys(names) if records.of(n) is not None]
    measures = [i for i, m in enumerate(records.measures) if m != "face_feature_sqdist"]
    large = torn = 0
    for a, b in combinations(known, 2):
        gap = (records.values[records.made_as[a]] - records.values[records.made_as[b]])[..., measures]  # fmt: skip
        means = np.array([[_mean(column) for column in each.T] for each in gap])
        big = np.abs(means).max(axis=0) > SIZE
        large += int(big.sum())
        torn += int((big & (means.min(axis=0) < 0) & (means.max(axis=0) > 0)).sum())
    yield entry("signs", "all pairs of main rows", "differences of more than .005", large, large)
    yield entry("signs", "all pairs of main rows", "… that change sign by training", large, torn)


def _mean(values: Array) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else np.nan


def trainings(differences: pd.DataFrame) -> Iterator[Entry]:
    """Differences that people make sure of and trainings do not: the interval over people leaves zero out, the t over trainings holds it."""
    pooled = differences[(differences["seed"] == POOLED) & (differences["slice"] == "all")]
    for a, b in [*MAIN_COMPARISONS, (ONE, "wc_1"), ("half_reuse_8", NEVER)]:
        rows = pooled[(pooled["row"] == a) & (pooled["against"] == b)].drop_duplicates("measure")
        for r in rows.itertuples():
            if not (r.low > 0 or r.high < 0) or r.seeds < 2 or not np.isfinite(r.seeds_sd):
                continue
            half = student.ppf((1 + CONFIDENCE) / 2, r.seeds - 1) * r.seeds_sd / np.sqrt(r.seeds)
            if r.difference - half <= 0 <= r.difference + half:
                interval = (r.difference - half, r.difference + half)
                yield entry(
                    "t over trainings", f"{a} - {b}", r.measure, r.seeds, r.difference, *interval
                )


def spreads(records: Records) -> Iterator[Entry]:
    """The standard deviation of single rendered clips, of which the margins of "similar" are about a tenth."""
    clips = records.values.get(TRUTH)
    for measure in [m for m in MARGINS if m in records.measures] if clips is not None else ():
        column = clips[..., records.measures.index(measure)]
        values = column[np.isfinite(column)]
        if len(values) > 1:
            yield entry("rendered clips", "standard deviation", measure, len(values), float(values.std(ddof=1)))  # fmt: skip
