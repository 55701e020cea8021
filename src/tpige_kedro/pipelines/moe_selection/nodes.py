"""Choose the best clip of every sample, and say how sure the comparison of the variants is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from tpige_kedro.metrics.columns import (
    BEST_OF_N,
    HELD_OUT,
    KEYS,
    MOE,
    REASON,
    metric_columns,
    why_missing,
)
from tpige_kedro.metrics.statistics import bootstrap_interval, holm, paired_difference
from tpige_kedro.pipelines.moe_selection.choosing import (
    best_variants,
    held_out_scores,
    pivot,
    with_selections,
)
from tpige_kedro.schemas import Moe, Scoring

Twice = tuple[pd.DataFrame, pd.DataFrame]  # the same table, saved as Parquet and as CSV


def gather_scores(**scores: pd.DataFrame) -> Twice:
    """One table of all score rows; inputs are the tables of the variants, some of them empty."""
    filled = [table for table in scores.values() if len(table)]
    if not filled:
        empty = pd.DataFrame({key: pd.Series(dtype=object) for key in KEYS})
        return empty, empty
    table = pd.concat(filled, ignore_index=True)
    metrics = metric_columns(table)
    reasons = [f"{metric}{REASON}" for metric in metrics]
    table = table.reindex(columns=[*KEYS, *metrics, *reasons])
    for metric, reason in zip(metrics, reasons, strict=True):
        unexplained = table[metric].isna() & table[reason].isna()
        table[reason] = table[reason].astype(object).mask(unexplained, "not scored")
    return table, table


def why_unscored(rows: pd.DataFrame, experts: Sequence[str]) -> str:
    """Why no expert has an overall score for a sample, expert by expert."""
    known = {str(row["variant"]): why_missing(row) for _, row in rows.iterrows()}
    reasons = {expert: known.get(expert, "no clip") for expert in experts}
    return "; ".join(f"{expert}: {reason}" for expert, reason in reasons.items())


def select_experts(all_scores: pd.DataFrame, checked_samples: pd.DataFrame, moe: Moe) -> Twice:
    """Per sample the expert with the highest overall score (paper section 3.5); ties go to the first in ``moe.experts``.

    Returns:
        Twice the table ``sample_id, variant, overall, candidates, reason``: ``candidates`` is how many experts had a
        score; without any, ``variant`` is empty and ``reason`` says why.
    """
    samples = checked_samples["sample_id"]
    table = pivot(all_scores, "overall", moe.experts).reindex(samples)
    chosen = best_variants(table)
    unscored = [
        why_unscored(all_scores[all_scores["sample_id"] == sample], moe.experts)
        if chosen[sample] is None
        else None
        for sample in samples
    ]
    selection = pd.DataFrame(
        {
            "sample_id": samples.to_numpy(),
            "variant": chosen.to_numpy(),
            "overall": table.max(axis=1).to_numpy(dtype=float),
            "candidates": table.notna().sum(axis=1).to_numpy(dtype=int),
            "reason": unscored,
        }
    )
    return selection, selection


def share_wins(selection: pd.DataFrame, moe: Moe) -> pd.DataFrame:
    """How many samples each expert won, and which share of the samples that somebody won."""
    wins = selection["variant"].value_counts().reindex(list(moe.experts), fill_value=0)
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
) -> Twice:
    """Means with bootstrap intervals: ``variant, metric, mean, low, high, n``, one row per variant and metric.

    The selection is the variant ``moe``; ``best_of_n`` is the same choice among draws of one variant; ``moe_held_out`` holds
    each part of the overall score after a selection that did not use it. Missing values are left out; ``n`` says how many
    are in. Metrics of ``set_scores`` stand as they are, with the number of clips.
    """
    rows = [
        {
            "variant": variant,
            "metric": metric,
            **asdict(bootstrap_interval(values, seed, moe.resamples, moe.confidence)),
        }
        for variant, metric, values in all_columns(all_scores, selection, moe, scoring.overall)
    ]
    columns = ["variant", "metric", "mean", "low", "high", "n"]
    summary = pd.DataFrame([*rows, *set_rows(set_scores)], columns=columns)
    return summary, summary


def compared_pairs(variants: Sequence[str], moe: Moe) -> list[tuple[str, str]]:
    """(variant, against) pairs: all with the baseline, then those that parameters name and the selection at an equal budget."""
    pairs = [(v, moe.baseline) for v in variants if moe.baseline in variants and v != moe.baseline]
    wanted = [*moe.comparisons, (MOE, BEST_OF_N)]
    further = [(a, b) for a, b in wanted if a in variants and b in variants]
    return list(dict.fromkeys([(a, b) for a, b in pairs if b is not None] + further))


def compare_variants(
    all_scores: pd.DataFrame, selection: pd.DataFrame, moe: Moe, seed: int
) -> Twice:
    """Paired differences on the same samples: mean, interval, permutation p, and p after Holm's correction.

    Returns:
        Twice the table ``variant, against, metric, difference, low, high, n, p, p_holm``; positive means that ``variant``
        has the larger value. The family of the correction is all comparisons on one metric.
    """
    rows = with_selections(all_scores, selection, moe)
    variants = list(dict.fromkeys(rows["variant"]))
    found = []
    for metric in metric_columns(all_scores):
        table = pivot(rows, metric, variants)
        for variant, against in compared_pairs(variants, moe):
            result = paired_difference(
                table[variant], table[against], seed, moe.resamples, moe.confidence
            )
            found.append(
                {"variant": variant, "against": against, "metric": metric, **asdict(result)}
            )
    names = ["variant", "against", "metric", "difference", "low", "high", "n", "p"]
    differences = pd.DataFrame(found, columns=names)
    differences["p_holm"] = np.nan
    for family in differences.groupby("metric").groups.values():
        differences.loc[family, "p_holm"] = holm(differences.loc[family, "p"].to_list())
    return differences, differences
