"""Bootstrap and permutation of many columns at once: the methods of ``tpige_kedro.metrics.statistics`` as matrix products.

All columns of a table share the resamples, so that a measure of one row and of another are resampled together, and ten thousand
resamples of a thousand samples cost one product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.metrics.statistics import CONFIDENCE, RESAMPLES, expanded_tail

Array = NDArray[np.float64]
COLUMNS = 512  # resampled at once: bounds memory
KEPT = 3  # matrices of resamples in memory, 80 MB each for a thousand samples


@dataclass(frozen=True)
class Means:
    """Of each column (K,): how many values there are, their mean, and its interval; NaN where there are too few."""

    n: NDArray[np.int64]
    mean: Array
    low: Array
    high: Array


@lru_cache(KEPT)
def draw_counts(samples: int, seed: int, resamples: int = RESAMPLES) -> Array:
    """How often each sample is in each resample, (resamples, samples); every row adds up to ``samples``."""
    generator = np.random.default_rng([seed, samples])
    counts = np.empty((resamples, samples))
    for row in counts:
        row[:] = np.bincount(generator.integers(0, samples, samples), minlength=samples)
    return counts


@lru_cache(KEPT)
def draw_signs(samples: int, seed: int, resamples: int = RESAMPLES) -> Array:
    """Random signs (resamples, samples)."""
    generator = np.random.default_rng([seed, samples, 1])
    return generator.integers(0, 2, (resamples, samples)) * 2.0 - 1.0


def weighted(values: Array, weights: Array | None) -> tuple[Array, Array]:
    """Values and weights (N, K), both 0 where a value is missing; no ``weights``: all the same."""
    present = np.isfinite(values)
    given = np.ones(values.shape) if weights is None else weights
    return np.where(present, values, 0.0), np.where(present, given, 0.0)


def means_of(values: Array, weights: Array) -> Array:
    """The weighted mean of each column of (N, K); NaN where all weights are 0."""
    total = weights.sum(axis=0)
    return (weights * values).sum(axis=0) / np.where(total > 0, total, np.nan)


def resampled_means(
    values: Array, seed: int, resamples: int = RESAMPLES, weights: Array | None = None
) -> Array:
    """The (weighted) mean of the finite values of each column of (N, K) in each resample of its rows: (resamples, K).

    A resample that has drawn none of a column's values, which only a nearly empty column can see, stands at the column's mean.
    """
    counts = draw_counts(len(values), seed, resamples)
    filled, shares = weighted(values, weights)
    sums = counts @ (shares * filled)
    sizes = np.full(sums.shape, float(len(values)))
    partial = (shares != 1).any(axis=0)
    sizes[:, partial] = counts @ shares[:, partial]
    drawn = sizes > 0
    return np.where(drawn, sums / np.where(drawn, sizes, 1.0), means_of(filled, shares))


def tails(n: NDArray[np.int64], confidence: float = CONFIDENCE) -> Array:
    """What to cut off on each side of the bootstrap distribution of each column; NaN below two values."""
    cut = {k: expanded_tail(k, confidence) for k in set(n.tolist()) if k > 1}
    return np.array([cut.get(k, np.nan) for k in n.tolist()])


def column_quantiles(table: Array, q: Array) -> Array:
    """The quantile ``q`` (K,) of each column of ``table`` (R, K), linear between order statistics."""
    ordered = np.sort(table, axis=0)
    at = np.nan_to_num(q) * (len(table) - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, len(table) - 1)
    columns = np.arange(table.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    return np.where(np.isfinite(q), low + (at - below) * (high - low), np.nan)


def intervals(
    values: Array, seed: int, resamples: int = RESAMPLES, weights: Array | None = None
) -> Means:
    """(Weighted) mean and interval (expanded percentiles) of each column of (N, K); the rows are what is resampled."""
    filled, shares = weighted(values, weights)
    n = (shares > 0).sum(axis=0)
    mean, tail = means_of(filled, shares), tails(n)
    low, high = np.empty(len(n)), np.empty(len(n))
    for start in range(0, len(n), COLUMNS):
        part = slice(start, start + COLUMNS)
        resampled = resampled_means(values[:, part], seed, resamples, shares[:, part])
        low[part] = column_quantiles(resampled, tail[part])
        high[part] = column_quantiles(resampled, 1 - tail[part])
    return Means(n, mean, low, high)


def permutation_ps(
    differences: Array, seed: int, resamples: int = RESAMPLES, weights: Array | None = None
) -> Array:
    """Two-sided p of "no difference" of each column of (weighted) paired differences (N, K), by random signs; NaN without a pair."""
    values, shares = weighted(differences, weights)
    filled, present = shares * values, shares > 0
    sums = draw_signs(len(filled), seed, resamples) @ filled
    rounding = 1e-12 * np.abs(filled).sum(axis=0)
    as_far = (np.abs(sums) >= np.abs(filled.sum(axis=0)) - rounding).sum(axis=0)
    return np.where(present.any(axis=0), (as_far + 1) / (resamples + 1), np.nan)


def ratio_interval(numerator: Array, denominator: Array, seed: int) -> tuple[float, float, float]:
    """The ratio of two paired means over (N,) samples and its interval, by resampling both together.

    Without an interval (NaN) where the denominator's own holds zero: there is nothing to have a share of then.
    """
    both = np.isfinite(numerator) & np.isfinite(denominator)
    pairs = np.stack([numerator[both], denominator[both]], axis=1)
    if not len(pairs):
        return np.nan, np.nan, np.nan
    of = intervals(pairs[:, 1:], seed)
    ratio = float(pairs[:, 0].mean() / pairs[:, 1].mean()) if pairs[:, 1].any() else np.nan
    if not (of.low[0] > 0 or of.high[0] < 0):
        return ratio, np.nan, np.nan
    resampled = resampled_means(pairs, seed)
    shares = (resampled[:, 0] / resampled[:, 1])[:, None]
    tail = tails(of.n)
    low, high = (column_quantiles(shares, q)[0] for q in (tail, 1 - tail))
    return ratio, float(low), float(high)
