"""Which automatic metric agrees with people, and the weights of the overall score that would agree best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tpige_kedro.metrics.catalog import OVERALL
from tpige_kedro.metrics.columns import metric_columns
from tpige_kedro.metrics.declared import Declared, spec_of
from tpige_kedro.seeds import derive_seed
from tpige_kedro.study.agreement import mean
from tpige_kedro.study.clusters import CONFIDENCE, RESAMPLES, as_shares, clustered
from tpige_kedro.study.weights import cross_validated, fitted_weights, ordered_alike

Array = NDArray[np.float64]

SIGNS = {"higher": 1.0, "lower": -1.0}
TODAY, SUGGESTED = OVERALL.name, "overall_suggested"
METRIC_COLUMNS = ["question", "metric", "title", "better", "agreement", "low", "high", "n", "samples"]  # fmt: skip
WEIGHT_COLUMNS = ["question", "metric", "title", "weight", "suggested"]


def decided_pairs(votes: pd.DataFrame) -> pd.DataFrame:
    """The pairs in which people prefer one clip: ``sample_id, variant_a, variant_b, people`` (1 if a is preferred, -1 if b).

    A clip is preferred if it got more points than the other one, over all raters; pairs with as many for both are left out.

    Args:
        votes: of one question, see :func:`.votes.comparisons`.

    >>> pair = {"sample_id": "s", "variant_a": "x", "variant_b": "y"}
    >>> votes = pd.DataFrame([pair | {"points": points} for points in (1.0, 0.0, 0.0)])
    >>> decided_pairs(votes).people.tolist()
    [-1.0]
    """
    keys = ["sample_id", "variant_a", "variant_b"]
    margin = (2 * votes["points"] - 1).groupby([votes[key] for key in keys]).sum()
    found: pd.Series = np.sign(margin[margin != 0]).rename("people")
    return found.reset_index()


def differences(decided: pd.DataFrame, scores: pd.DataFrame, metrics: Sequence[str]) -> Array:
    """How much better the clip that people prefer is in each metric, (N, M), as the metrics count; NaN where a score is missing.

    Args:
        decided: see :func:`decided_pairs`.
        scores: a row per ``sample_id`` and ``variant`` with the ``metrics`` as columns.

    >>> pair = {"sample_id": ["s"], "variant_a": ["x"], "variant_b": ["y"], "people": [-1.0]}
    >>> scores = pd.DataFrame({"sample_id": "s", "variant": ["x", "y"], "arc_score": [0.25, 0.5]})
    >>> differences(pd.DataFrame(pair), scores, ["arc_score"]).tolist()
    [[0.25]]
    """
    table = scores.set_index(["sample_id", "variant"])[list(metrics)]
    a, b = (
        table.reindex(pd.MultiIndex.from_frame(decided[["sample_id", side]])).to_numpy(float)
        for side in ("variant_a", "variant_b")
    )
    return np.asarray((a - b) * decided["people"].to_numpy(float)[:, None])


def metric_table(
    votes: pd.DataFrame, scores: pd.DataFrame, declared: Declared, seed: int, resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:  # fmt: skip
    """Of each metric that has a better direction, the share of decided pairs that it orders as people do; the best first.

    Args:
        votes: of one question, see :func:`.votes.comparisons`.
        scores: the table of all scores.
        declared: the metrics' declarations, which say the direction.
        seed, resamples, confidence: of the intervals, which are over samples.

    Returns:
        ``metric, title, better, agreement`` in [0, 1] (½ is chance), ``low, high, n`` (pairs), ``samples``.
    """
    decided = decided_pairs(votes)
    specs = [spec_of(name, declared) for name in metric_columns(scores)]
    specs = [spec for spec in specs if spec.better in SIGNS]
    found = differences(decided, scores, [spec.name for spec in specs])
    rows = []
    for spec, column in zip(specs, found.T, strict=True):
        right = ordered_alike(SIGNS[spec.better] * column)
        row = agreement_row(right, decided["sample_id"], derive_seed(seed, spec.name), resamples, confidence)  # fmt: skip
        if row["n"]:
            rows.append({"metric": spec.name, "title": spec.title, "better": spec.better, **row})
    table = pd.DataFrame(rows, columns=METRIC_COLUMNS[1:])
    return table.sort_values("agreement", ascending=False, kind="stable", ignore_index=True)


def agreement_row(
    right: Array, samples: pd.Series, seed: int, resamples: int, confidence: float
) -> dict[str, float]:
    """``agreement, low, high, n, samples`` of pairs that a metric orders as people do or not, (N,) of 1, 0, ½ and NaN."""
    known = np.isfinite(right)
    added = np.stack([right[known], np.ones(known.sum())], axis=1)
    found = as_shares(
        clustered(added, [samples[known]], mean, seed, resamples, confidence), confidence
    )
    return {
        "agreement": float(found.value[0]),
        "low": float(found.low[0]),
        "high": float(found.high[0]),
        "n": int(known.sum()),
        "samples": int(samples[known].nunique()),
    }


def weight_tables(
    votes: pd.DataFrame, scores: pd.DataFrame, weights: Mapping[str, float], declared: Declared, seed: int,
    resamples: int = RESAMPLES, confidence: float = CONFIDENCE,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """The weights of the overall score that agree best with people, and how well they do on samples that they were not fitted to.

    A suggestion for the next study, never a default: the same people and samples led to it.

    Args:
        votes: of one question, see :func:`.votes.comparisons`.
        scores: the table of all scores.
        weights: today's weights by metric (``scoring.overall``).
        declared: the metrics' declarations.
        seed, resamples, confidence: of the folds and of the intervals, which are over samples.

    Returns:
        A table ``metric, title, weight, suggested`` (sums are equal), and two rows as in :func:`metric_table` for the same pairs:
        ``overall`` with today's weights and ``overall_suggested``, held out. Both are empty where there is too little to
        fit from: see :mod:`.weights`.
    """
    specs = [spec_of(name, declared) for name in weights if name in scores]
    decided = decided_pairs(votes)
    found = differences(decided, scores, [spec.name for spec in specs])
    whole = np.asarray(np.isfinite(found).all(axis=1))
    found, samples = found[whole], decided["sample_id"][whole]
    signs = np.array([SIGNS.get(spec.better, 1.0) for spec in specs])
    enough = len(specs) == len(weights) > 1
    held_out = cross_validated(found * signs, samples.to_numpy(), seed) if enough else None
    if held_out is None:
        return pd.DataFrame(columns=WEIGHT_COLUMNS[1:]), pd.DataFrame(columns=METRIC_COLUMNS[1:])
    today = np.array(list(weights.values()))
    best = fitted_weights(found * signs) * signs
    table = pd.DataFrame(
        {
            "metric": list(weights),
            "title": [spec.title for spec in specs],
            "weight": today,
            "suggested": best * np.abs(today).sum(),
        }
    )
    rows = [
        {"metric": name, "title": title, "better": "higher"}
        | agreement_row(right, samples, derive_seed(seed, name), resamples, confidence)
        for name, title, right in (
            (TODAY, "Overall, today's weights", ordered_alike(found @ today)),
            (SUGGESTED, "Overall, suggested weights, held out", held_out),
        )
    ]
    return table, pd.DataFrame(rows, columns=METRIC_COLUMNS[1:])
