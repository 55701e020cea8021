"""Select the best clip of every sample, and say how sure the comparison of the variants is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from tpige_kedro.metrics.columns import (
    BEST_OF_N,
    HELD_OUT,
    MOE,
    REASON,
    metric_columns,
    why_missing,
)
from tpige_kedro.metrics.statistics import bootstrap_intervals, holm, paired_differences
from tpige_kedro.pipelines.moe_selection.candidates import (
    best_variants,
    held_out_scores,
    pivot,
    with_selections,
)
from tpige_kedro.schemas import Moe, Scoring


def why_unscored(
    all_scores: pd.DataFrame, samples: Iterable[str], experts: Sequence[str]
) -> dict[str, str]:
    """For each of the samples why no expert has an overall score, expert by expert."""
    asked = list(samples)
    rows = all_scores[all_scores["sample_id"].isin(asked) & all_scores["variant"].isin(experts)]
    given = rows[[c for c in rows.columns if c.endswith(REASON)]].astype(object)

    @cache  # many clips lack their score for the same reasons
    def joined(reasons: tuple[str | None, ...]) -> str:
        return why_missing(pd.Series(reasons, given.columns, dtype=object))

    reasons = given.where(given.notna(), None).itertuples(index=False, name=None)
    keys = zip(rows["sample_id"], rows["variant"], strict=True)
    known = dict(zip(keys, map(joined, reasons), strict=True))
    return {
        sample: "; ".join(f"{e}: {known.get((sample, e), 'no clip')}" for e in experts)
        for sample in asked
    }


def select_experts(
    all_scores: pd.DataFrame, checked_samples: pd.DataFrame, moe: Moe
) -> pd.DataFrame:
    """Per sample the expert with the highest overall score (paper section 3.5); ties go to the first in ``moe.experts``.

    Returns:
        The table ``sample_id, variant, overall, candidates, reason``: ``candidates`` is how many experts had a score;
        without any, ``variant`` is empty and ``reason`` says why.
    """
    samples = checked_samples["sample_id"]
    table = pivot(all_scores, "overall", moe.experts).reindex(samples)
    chosen = best_variants(table)
    reasons = why_unscored(all_scores, samples[chosen.isna().to_numpy()], moe.experts)
    return pd.DataFrame(
        {
            "sample_id": samples.to_numpy(),
            "variant": chosen.to_numpy(),
            "overall": table.max(axis=1).to_numpy(dtype=float),
            "candidates": table.notna().sum(axis=1).to_numpy(dtype=int),
            "reason": [reasons.get(sample) for sample in samples],
        }
    )


def share_wins(selection: pd.DataFrame, all_scores: pd.DataFrame, moe: Moe) -> pd.DataFrame:
    """How many samples each expert won, and which share of the samples that have a winner.

    An expert without an overall score of any clip, such as a skipped one, took no part and has no row.
    """
    took_part = pivot(all_scores, "overall", moe.experts).notna().any()
    experts = [expert for expert in moe.experts if took_part[expert]]
    wins = selection["variant"].value_counts().reindex(experts, fill_value=0)
    share = wins / max(int(wins.sum()), 1)
    return pd.DataFrame({"variant": wins.index, "wins": wins.to_numpy(), "share": share.to_numpy()})


def all_columns(
    all_scores: pd.DataFrame, selection: pd.DataFrame, moe: Moe, weights: Mapping[str, float]
) -> Iterator[tuple[str, str, pd.Series]]:
    """Every (variant, metric, values) that the summary has a row for, the selection's rows last."""
    rows = with_selections(all_scores, selection, moe)
    for variant, table in rows.groupby("variant", sort=False):
        for metric in metric_columns(all_scores):
            yield str(variant), metric, table[metric]
    if len(all_scores):
        for metric, values in held_out_scores(all_scores, moe.experts, weights).items():
            yield HELD_OUT, metric, values


def set_rows(set_scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Summary rows of the metrics of whole variants: one value of all clips, no mean over them and no interval."""
    metrics = [c.removesuffix(REASON) for c in set_scores.columns if c.endswith(REASON)]
    return [
        {
            "variant": row["variant"],
            "metric": metric,
            "mean": row[metric],
            "low": np.nan,
            "high": np.nan,
            "n": row["n"] if np.isfinite(row[metric]) else 0,
        }
        for row in set_scores.to_dict("records")
        for metric in metrics
    ]


def summarise_variants(
    all_scores: pd.DataFrame,
    selection: pd.DataFrame,
    set_scores: pd.DataFrame,
    moe: Moe,
    scoring: Scoring,
    seed: int,
) -> pd.DataFrame:
    """Means with bootstrap intervals: ``variant, metric, mean, low, high, n``, one row per variant and metric.

    The selection is the variant ``moe``; ``best_of_n`` is the same selection among draws of one variant; ``moe_held_out``
    holds each part of the overall score after a selection that did not use it. Missing values are left out; ``n`` says how
    many are in. Metrics of ``set_scores`` stand as they are, with the number of clips.
    """
    columns = list(all_columns(all_scores, selection, moe, scoring.overall))
    intervals = bootstrap_intervals(
        [values for _, _, values in columns], seed, moe.resamples, moe.confidence
    )
    rows = [
        {"variant": variant, "metric": metric, **asdict(interval)}
        for (variant, metric, _), interval in zip(columns, intervals, strict=True)
    ]
    names = ["variant", "metric", "mean", "low", "high", "n"]
    return pd.DataFrame([*rows, *set_rows(set_scores)], columns=names)


def compared_pairs(variants: Sequence[str], moe: Moe) -> list[tuple[str, str]]:
    """(variant, against) pairs: all with the baseline, then those that parameters name and the selection at an equal budget."""
    pairs = [(v, moe.baseline) for v in variants if moe.baseline in variants and v != moe.baseline]
    wanted = [*moe.comparisons, (MOE, BEST_OF_N)]
    further = [(a, b) for a, b in wanted if a in variants and b in variants]
    return list(dict.fromkeys([(a, b) for a, b in pairs if b is not None] + further))


def compare_variants(
    all_scores: pd.DataFrame, selection: pd.DataFrame, moe: Moe, seed: int
) -> pd.DataFrame:
    """Paired differences on the same samples: mean, interval, permutation p, and p after Holm's correction.

    Returns:
        The table ``variant, against, metric, difference, low, high, n, p, p_holm``; positive means that ``variant`` has
        the larger value. The family of the correction is all comparisons on one metric.
    """
    rows = with_selections(all_scores, selection, moe)
    variants = list(dict.fromkeys(rows["variant"]))
    tables = {metric: pivot(rows, metric, variants) for metric in metric_columns(all_scores)}
    compared = [(a, b, metric) for metric in tables for a, b in compared_pairs(variants, moe)]
    results = paired_differences(
        [(tables[metric][a], tables[metric][b]) for a, b, metric in compared],
        seed,
        moe.resamples,
        moe.confidence,
    )
    names = ["variant", "against", "metric", "difference", "low", "high", "n", "p"]
    found = [
        {"variant": a, "against": b, "metric": metric, **asdict(result)}
        for (a, b, metric), result in zip(compared, results, strict=True)
    ]
    differences = pd.DataFrame(found, columns=names)
    differences["p_holm"] = np.nan
    for family in differences.groupby("metric").groups.values():
        differences.loc[family, "p_holm"] = holm(differences.loc[family, "p"].to_list())
    return differences
