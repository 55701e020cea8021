"""What a mean is worth: bootstrap intervals, paired comparisons, and p values corrected for how many were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95
BLOCK = 1 << 21  # random numbers drawn at once: bounds memory for long tables


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
    """The values (N,) that are there."""
    array = np.asarray(values, np.float64)
    return array[np.isfinite(array)]


def bootstrap_means(
    values: NDArray[np.float64], seed: int, resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """The means (resamples,) of samples drawn with replacement from ``values`` (N,)."""
    generator = np.random.default_rng(seed)
    count = len(values)
    rows = max(1, BLOCK // count)
    blocks = [
        values[generator.integers(0, count, size=(min(rows, resamples - start), count))].mean(
            axis=1
        )
        for start in range(0, resamples, rows)
    ]
    return np.concatenate(blocks)


def expanded_tail(n: int, confidence: float) -> float:
    """The tail to cut off on each side of the bootstrap distribution of a mean over ``n`` values.

    Plain percentiles are too narrow for few values: a resample has the variance divided by n, not n - 1, and normal
    instead of t tails. Widening them by ``sqrt(n / (n - 1)) t / z`` repairs both.

    Source: T. Hesterberg, "What Teachers Should Know About the Bootstrap" (2015), section 4.3, expanded percentiles.
    """
    from scipy.stats import norm, t

    quantile = t.ppf((1 - confidence) / 2, n - 1)
    return float(norm.cdf(np.sqrt(n / (n - 1)) * quantile))


def bootstrap_interval(
    values: ArrayLike, seed: int, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> Interval:
    """The mean of the finite values (N,) with its bootstrap interval (expanded percentiles).

    One value has a mean but no interval; no value has neither. The same seed gives the same interval.
    """
    present = finite(values)
    n = len(present)
    if n == 0:
        return Interval(0, np.nan, np.nan, np.nan)
    mean = float(present.mean())
    if n == 1:
        return Interval(1, mean, np.nan, np.nan)
    tail = expanded_tail(n, confidence)
    low, high = np.quantile(bootstrap_means(present, seed, resamples), [tail, 1 - tail])
    return Interval(n, mean, float(low), float(high))


def sign_flipped_sums(
    differences: NDArray[np.float64], seed: int, resamples: int
) -> tuple[NDArray[np.float64], bool]:
    """Sums (M,) of the differences (N,) under sign patterns, and whether these are all 2^N there are."""
    count = len(differences)
    if 2**count <= resamples:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        return (1.0 - 2.0 * bits) @ differences, True
    generator = np.random.default_rng(seed)
    rows = max(1, BLOCK // count)
    blocks = [
        (1.0 - 2.0 * generator.integers(0, 2, size=(min(rows, resamples - start), count)))
        @ differences
        for start in range(0, resamples, rows)
    ]
    return np.concatenate(blocks), False


def permutation_p(differences: ArrayLike, seed: int, resamples: int = RESAMPLES) -> float:
    """Two-sided p value of the paired permutation test: how often random signs give a mean as far from zero.

    Exact where all 2^N sign patterns fit into ``resamples`` (N <= 13 by default), else by random patterns with the
    observed one counted in, so that p is never zero. NaN without differences.
    """
    present = finite(differences)
    if len(present) == 0:
        return float("nan")
    sums, exact = sign_flipped_sums(present, seed, resamples)
    rounding = 1e-12 * np.abs(present).sum()
    as_far = int((np.abs(sums) >= abs(present.sum()) - rounding).sum())
    return as_far / len(sums) if exact else (as_far + 1) / (len(sums) + 1)


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> PairedDifference:
    """Compare two columns (N,) of the same samples, over the pairs where both have a value."""
    differences = finite(np.asarray(a, np.float64) - np.asarray(b, np.float64))
    interval = bootstrap_interval(differences, seed, resamples, confidence)
    p = permutation_p(differences, seed, resamples)
    return PairedDifference(interval.n, interval.mean, interval.low, interval.high, p)


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Holm's step-down correction: p values that hold for the whole family at once; NaN stays out of the family.

    The i-th smallest of m is multiplied by m - i + 1, never below the ones before it, at most 1.
    Source: S. Holm, "A simple sequentially rejective multiple test procedure" (1979).
    """
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(p.shape, np.nan)
    family = np.flatnonzero(np.isfinite(p))
    order = family[np.argsort(p[family], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * factors))
    return adjusted
