"""How sure a mean is: bootstrap intervals, paired comparisons, and p values corrected for the number of comparisons.

Every function for one column has one for many, which shares the random draws among them. A column's numbers are identical in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tpige_kedro.metrics.resampling import (
    all_patterns_fit,
    grid_unit,
    on_grid,
    resampled_sums,
    sign_flipped_sums,
)

RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over ``n`` values with its confidence interval [low, high]; NaN where ``n`` is too small."""

    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """The mean of ``a - b`` over ``n`` pairs, its interval, and the two-sided p value of "no difference"."""

    n: int
    difference: float
    low: float
    high: float
    p: float


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The finite ones among the values (N,).

    >>> finite([1.0, float("nan"), 3.0]).tolist()
    [1.0, 3.0]
    """
    array = np.asarray(values, np.float64)
    return array[np.isfinite(array)]


@lru_cache(4096)
def expanded_tail(n: int, confidence: float) -> float:
    """The tail to cut off on each side of the bootstrap distribution of a mean over ``n`` values.

    Plain percentiles are too narrow for few values: a resample has the variance divided by n, not n - 1, and normal
    instead of t tails. Widening them by ``sqrt(n / (n - 1)) t / z`` repairs both.

    Source: T. Hesterberg, "What Teachers Should Know About the Bootstrap" (2015), section 4.3, expanded percentiles.

    >>> round(expanded_tail(8, 0.95), 4), round(expanded_tail(1000, 0.95), 4)
    (0.0057, 0.0248)
    """
    from scipy.special import ndtr, stdtrit

    quantile = stdtrit(n - 1, (1 - confidence) / 2)
    return float(ndtr(np.sqrt(n / (n - 1)) * quantile))


def bootstrap_intervals(
    columns: Iterable[ArrayLike],
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> list[Interval]:
    """Of each column (N,), the mean of the finite values with its bootstrap interval (expanded percentiles).

    One value has a mean but no interval; no value has neither. The same seed gives the same intervals. Columns may differ in
    length; only values of one column are resampled together.

    >>> found = bootstrap_intervals([[0.1, 0.2, 0.4], [0.5, float("nan")], []], seed=0)
    >>> [interval.n for interval in found], found[0].low < found[0].mean < found[0].high
    ([3, 1, 0], True)
    """
    present = [finite(column) for column in columns]
    found = [
        Interval(len(values), float(values.mean()) if len(values) else np.nan, np.nan, np.nan)
        for values in present
    ]
    deviations = {
        i: on_grid(values - found[i].mean) for i, values in enumerate(present) if len(values) > 1
    }
    for i, sums in resampled_sums(deviations, seed, resamples):
        n, mean = found[i].n, found[i].mean
        tail = expanded_tail(n, confidence)
        low, high = mean + np.quantile(sums, [tail, 1 - tail]) / n
        found[i] = replace(found[i], low=float(low), high=float(high))
    return found


def bootstrap_interval(
    values: ArrayLike, seed: int, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> Interval:
    """The interval of one column (N,): see ``bootstrap_intervals``.

    >>> bootstrap_interval([2.0, 2.0, 2.0], seed=0)
    Interval(n=3, mean=2.0, low=2.0, high=2.0)
    """
    return bootstrap_intervals([values], seed, resamples, confidence)[0]


def permutation_ps(
    columns: Iterable[ArrayLike], seed: int, resamples: int = RESAMPLES
) -> list[float]:
    """Of each column of differences (N,), the two-sided p value: how often random signs give a mean as far from zero.

    Exact where all 2^N sign patterns fit into ``resamples`` (N <= 13 by default), else by random patterns with the
    observed one counted in, so that p is never zero. NaN without differences.

    >>> permutation_ps([[1.0, 2.0, 3.0], [1.0, -1.0], []], seed=0)
    [0.25, 1.0, nan]
    """
    present = [finite(column) for column in columns]
    found = [np.nan] * len(present)
    differences = {i: on_grid(values) for i, values in enumerate(present) if len(values)}
    for i, sums in sign_flipped_sums(differences, seed, resamples):
        values = differences[i]
        rounding = 1e-12 * np.abs(values).sum() + len(values) * grid_unit(values)
        as_far = int((np.abs(sums) >= abs(values.sum()) - rounding).sum())
        exact = all_patterns_fit(len(values), resamples)
        found[i] = as_far / len(sums) if exact else (as_far + 1) / (len(sums) + 1)
    return found


def permutation_p(differences: ArrayLike, seed: int, resamples: int = RESAMPLES) -> float:
    """The p value of one column of differences (N,): see ``permutation_ps``.

    >>> permutation_p([0.1, 0.2, 0.1, 0.3, 0.2], seed=0)
    0.0625
    """
    return permutation_ps([differences], seed, resamples)[0]


def paired_differences(
    pairs: Iterable[tuple[ArrayLike, ArrayLike]],
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> list[PairedDifference]:
    """Compare pairs of columns (N,) of the same samples, each over the samples where both have a value.

    >>> a, b = [0.5, 0.7, 0.9, float("nan")], [0.25, 0.5, 0.75, 0.5]
    >>> found = paired_differences([(a, b), (b, a)], seed=0)
    >>> [round(pair.difference, 6) for pair in found], found[0].n
    ([0.2, -0.2], 3)
    """
    differences = [finite(np.asarray(a, np.float64) - np.asarray(b, np.float64)) for a, b in pairs]
    intervals = bootstrap_intervals(differences, seed, resamples, confidence)
    ps = permutation_ps(differences, seed, resamples)
    return [
        PairedDifference(interval.n, interval.mean, interval.low, interval.high, p)
        for interval, p in zip(intervals, ps, strict=True)
    ]


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> PairedDifference:
    """Compare two columns (N,) of the same samples: see ``paired_differences``.

    >>> paired_difference([1.0, 2.0, 3.0], [0.0, 1.0, 2.0], seed=0)
    PairedDifference(n=3, difference=1.0, low=1.0, high=1.0, p=0.25)
    """
    return paired_differences([(a, b)], seed, resamples, confidence)[0]


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Holm's step-down correction: p values that hold for the whole family at once; NaN stays out of the family.

    The i-th smallest of m is multiplied by m - i + 1, never below the ones before it, at most 1.
    Source: S. Holm, "A simple sequentially rejective multiple test procedure" (1979).

    >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(p.shape, np.nan)
    family = np.flatnonzero(np.isfinite(p))
    order = family[np.argsort(p[family], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * factors))
    return adjusted
