"""Means of every row and paired differences of the declared comparisons, per training seed and pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.ablation.rows import DECODED, MAIN, TRUTH
from benchmarks.evidence.records import (
    ALL,
    DERIVED,
    OPEN,
    POOLED,
    Records,
    seed_names,
    seed_weights,
    spread,
    with_pooled,
)
from benchmarks.evidence.statistics import Array, intervals, permutation_ps
from tpige_kedro.metrics.statistics import holm

MAIN_COMPARISONS = [
    ("vace_pe", "vace"),
    ("vace_ie", "vace"),
    ("vace_pe_ie", "vace_pe"),
    ("vace_pe_ge", "vace_pe"),
    ("vace_pe_ge", "vace_pe_cfg_matched"),
    ("vace_pe_cfg_matched", "vace_pe"),
    ("vace_ge", "vace"),
    ("vace_pe_ie_ge", "vace_pe_ie"),
    ("vace_pe_ge_tuned", "vace_pe_cfg_best"),
    ("vace_pe_ge", "vace"),
    ("vace_pe_ge", "vace_pe_ie"),
    ("phantom_pe", "phantom"),
    ("phantom_pe_ge", "phantom"),
    ("phantom_pe_ge", "phantom_pe"),
    ("phantom_ge", "phantom"),
]
TUNED, TUNED_AGAINST = "vace_pe_ge_tuned", "text"  # with every row of the sweep over text scales
# What the rows of a sweep are compared with. A tuple: with each of these. ``{}`` takes the row's own text weight.
REFERENCES: dict[str, tuple[str, ...]] = {
    "text": ("wc_1",),
    "text_and_half": ("wc_{}",),
    "text_and_one": ("wc_{}",),
    "identity": ("wi_0",),
    "form": ("vace_pe",),
    "layer_only": ("vace_pe",),
    "layer_published": ("as_published", "vace_pe"),
    "layer_t2v": ("t2v", "vace_pe"),
    "schedule": ("vace_pe", "always"),
    "schedule_half": ("vace_pe", "half_always"),
    "phantom": ("phantom",),
    "own_noise": ("vace_pe",),
    "cheap_draws": ("vace_pe",),
}
DERIVED_FOR = (MAIN, "schedule_half")
SUMMARY = ["family", "row", "seed", "slice", "measure", "n", "mean", "low", "high"]
SPREAD = ["seeds", "seeds_sd", "seeds_min", "seeds_max"]
DIFFERENCES = [
    *("family", "row", "against", "seed", "slice", "measure"),
    *("n", "difference", "low", "high", "p", "p_holm"),
]


@dataclass(frozen=True)
class Comparison:
    """``row`` minus ``against``; the comparisons of a family are corrected for together."""

    family: str
    row: str
    against: str


def comparisons(records: Records) -> list[Comparison]:
    """The declared ones, and every row of a sweep with the references of the sweep; none of a row with itself."""
    declared = [Comparison(MAIN, row, against) for row, against in MAIN_COMPARISONS]
    for row in records.rows:
        if row.family == MAIN:
            continue
        if row.family == TUNED_AGAINST:
            declared.append(Comparison(f"{TUNED} over {TUNED_AGAINST}", TUNED, row.name))
        for pattern in REFERENCES[row.family]:
            against = pattern.format(f"{row.variant.guidance.text_weight:g}")
            known = records.made_as.get(against)
            if known is None:
                records.note(f"{row.name} against {against}: ablation.yml has no such row")
            elif known != row.made_as:
                declared.append(Comparison(row.family, row.name, against))
    return declared


def summarise(records: Records, seed: int) -> pd.DataFrame:
    """Mean, interval and n of every measure of every row, with the spread of the training seeds beside the pooled ones.

    The pooled interval is from resampling samples, each with the clips of all training seeds: it says how sure the mean is for other
    samples of these generators. How much another training would change is what the spread of the seeds tells.
    """
    out: list[dict[str, Any]] = []
    mains = [TRUTH, DECODED, *(row.name for row in records.rows if row.family == MAIN)]
    for name in mains:
        for slice_name, inside in records.slices.items():
            if slice_name == OPEN:  # what is left of all without the face-hiding
                continue
            out += summary_rows(records, MAIN, name, slice_name, inside, seed)
    for family in records.families():
        rows = [row.name for row in records.family(family)]
        inside = records.shared_clips(rows)
        if rows and not inside.any():
            records.note(f"sweep {family}: its rows have no sample in common")
            continue
        for name in rows:
            out += summary_rows(records, family, name, ALL, inside, seed)
    return pd.DataFrame(out, columns=[*SUMMARY, *SPREAD])


def summary_rows(
    records: Records, family: str, name: str, slice_name: str, inside: np.ndarray, seed: int
) -> list[dict[str, Any]]:
    """One row's entries of :func:`summarise`, of the clips ``inside``: samples (N,), or samples of each seed (S, N)."""
    clips = records.of(name)
    if clips is None:
        return []
    keys = {"family": family, "row": name, "slice": slice_name}
    entries = described(
        records, with_pooled(np.where(inside[..., None], clips, np.nan)), seed, "mean"
    )
    return [{**keys, **e} for e in entries if kept(family, slice_name, e)]


def kept(family: str, slice_name: str, entry: dict[str, Any]) -> bool:
    """Whether a table shows an entry: slices are pooled only, and derived measures are of few families, which keeps files small."""
    shown = entry["measure"] not in DERIVED or family in DERIVED_FOR
    return shown and (slice_name == ALL or entry["seed"] == POOLED)


def described(
    records: Records, values: Array, seed: int, what: str, measures: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Interval of each measure of ``values`` (S + 1, N, M), per training seed and pooled; what has no value is left out.

    The measures are those of the records, or ``measures``.
    """
    names = [(s, m) for s in seed_names(records) for m in measures or records.measures]
    columns, weights = as_columns(values)
    if not len(columns):
        return []
    found = intervals(columns, seed, weights=weights)
    means = found.mean.reshape(len(values), -1)
    out = []
    for i, (name, measure) in enumerate(names):
        if not found.n[i]:
            continue
        entry = {"seed": name, "measure": measure, "n": int(found.n[i]), what: found.mean[i]}
        entry |= {"low": found.low[i], "high": found.high[i]}
        if name == POOLED:
            entry |= spread(means[:-1, i % means.shape[1]])
        out.append(entry)
    return out


def as_columns(pooled: Array) -> tuple[Array, Array]:
    """Values and weights (N, (S + 1) M) of (S + 1, N, M), without the samples that have no value at all."""
    some = pooled[:, np.isfinite(pooled).any(axis=(0, 2))]
    values, weights = (cube.transpose(1, 0, 2) for cube in (some, seed_weights(some)))
    return values.reshape(len(values), -1), weights.reshape(len(values), -1)


def compare(records: Records, seed: int) -> pd.DataFrame:
    """All comparisons of all measures, paired by sample within each training seed; Holm within family, measure, seed and slice."""
    out: list[dict[str, Any]] = []
    for comparison in comparisons(records):
        a, b = records.of(comparison.row), records.of(comparison.against)
        if a is None or b is None:
            continue
        for slice_name, inside in records.slices.items():
            if slice_name != ALL and comparison.family != MAIN:
                continue
            keys = {"family": comparison.family, "row": comparison.row, "slice": slice_name}
            keys["against"] = comparison.against
            found = difference_rows(records, (a - b)[:, inside], seed)
            if not found and slice_name == ALL:
                records.note(f"{comparison.row} against {comparison.against}: no pair")
            out += [{**keys, **e} for e in found if kept(comparison.family, slice_name, e)]
    table = pd.DataFrame(out, columns=[*DIFFERENCES, *SPREAD])
    return corrected(table, ["family", "measure", "seed", "slice"])


def difference_rows(
    records: Records, differences: Array, seed: int, measures: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Interval and p of each measure's paired differences (S, N, M), per training seed and pooled."""
    values = with_pooled(differences)
    entries = described(records, values, seed, "difference", measures)
    if not entries:
        return []
    columns, weights = as_columns(values)
    p = permutation_ps(columns, seed, weights=weights)
    names = [(s, m) for s in seed_names(records) for m in measures or records.measures]
    by_name = dict(zip(names, p, strict=True))
    return [{**e, "p": by_name[e["seed"], e["measure"]]} for e in entries]


def corrected(table: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    """``table`` with ``p_holm``: p after Holm's correction among the rows that agree in the columns ``family``."""
    table["p_holm"] = np.nan
    for rows in table.groupby(family, sort=False).groups.values():
        table.loc[rows, "p_holm"] = holm(table.loc[rows, "p"].astype(float).to_list())
    return table
