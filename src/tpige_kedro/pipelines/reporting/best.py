"""Which variant is best in a metric, using only samples that all variants have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tpige_kedro.metrics.columns import SELECTIONS, metric_columns
from tpige_kedro.metrics.declared import Declared, spec_of

ENOUGH = 0.5  # share of the samples that all variants must have, below which nothing is called best


@dataclass(frozen=True)
class Best:
    """The best ``variants`` of a metric (several if they are equal), by ``samples`` that all have; ``all_same`` if those are all.

    ``variants`` is empty where nothing can be called best: no direction is declared, or too few samples are common.
    """

    variants: frozenset[str]
    samples: int
    all_same: bool


Bests = Mapping[str, Best]  # by metric


def best_variants(summary: pd.DataFrame, all_scores: pd.DataFrame, declared: Declared) -> Bests:
    """The best variants of every metric of the summary; the selection's own rows don't compete.

    Where the variants lack different samples, their means are not comparable: those of the common samples are compared instead.
    """
    rows = summary[~summary["variant"].isin(SELECTIONS) & summary["mean"].notna()]
    by_clip = set(metric_columns(all_scores))
    found = {}
    for metric, own in rows.groupby("metric", sort=False):
        name = str(metric)
        better = spec_of(name, declared).better
        means = own.set_index("variant")["mean"]
        if name in by_clip:
            found[name] = _of_clips(means, all_scores, name, better)
        else:
            found[name] = _of_sets(means, own["n"], better)
    return found


def _of_clips(means: pd.Series, all_scores: pd.DataFrame, metric: str, better: str) -> Best:
    """By the samples that all variants have."""
    values = all_scores.pivot(index="sample_id", columns="variant", values=metric)
    values = values.reindex(columns=means.index).dropna(how="all")
    common = values.dropna()
    if len(common) == len(values):
        return Best(_best(means, better), len(common), all_same=True)
    enough = len(common) >= ENOUGH * len(values)
    winners = _best(common.mean(), better) if enough else frozenset[str]()
    return Best(winners, len(common), all_same=False)


def _of_sets(means: pd.Series, counts: pd.Series, better: str) -> Best:
    """One value of all clips of a variant: comparable only among sets of one size."""
    same = counts.nunique() <= 1
    return Best(_best(means, better) if same else frozenset(), int(counts.min()), all_same=same)


def _best(means: pd.Series, better: str) -> frozenset[str]:
    if better == "neither":
        return frozenset()
    values = means.to_numpy(dtype=float)
    extreme = values.max() if better == "higher" else values.min()
    return frozenset(str(v) for v in means.index[np.equal(values, extreme)])
