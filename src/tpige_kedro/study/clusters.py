"""Intervals for votes that are not independent: those of one rater are alike, and so are those about one sample.

Clusters are drawn with replacement, all votes of a cluster together. With raters and samples, the variance of a number is what
drawing raters gives, plus what drawing samples gives, minus what drawing cells (one rater, one sample) gives, which is in both.
Drawing raters and samples at once would count independent noise three times, and its intervals would be much too wide.

Source: A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust Inference With Multiway Clustering" (2011), equation 2.7; the three
variances by bootstrap instead of by their formula, so that strengths have one as well as shares. Why not both at once:
A. B. Owen, "The pigeonhole bootstrap" (2007), theorem 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tpige_kedro.seeds import derive_seed

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]  # of sums (B, …) to numbers (B, P)

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimates:
    """P numbers with their standard errors and intervals, each (P,); NaN where they cannot be known.

    ``clusters`` is how many raters or samples they rest on, whichever are fewer; 1 where there is no interval.
    """

    value: Array
    error: Array
    low: Array
    high: Array
    clusters: int

    def first(self, count: int) -> Estimates:
        """The first ``count`` of the numbers."""
        value, error, low, high = (
            part[:count] for part in (self.value, self.error, self.low, self.high)
        )
        return Estimates(value, error, low, high, self.clusters)


def clustered(
    tallies: Array,
    clusters: Sequence[ArrayLike],
    statistic: Statistic,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Estimates:
    """Numbers that follow from sums over votes, with intervals that hold for other raters and other samples of the same kind.

    Args:
        tallies: what each of N votes adds to the sums, (N, …).
        clusters: one or two labellings (N,) of the votes: by rater and by sample.
        statistic: from sums (B, …) to P numbers for each of B, (B, P).
        seed: of the resamples; the same seed gives the same intervals.
        confidence: of the intervals, which are the number ± t times its standard error, where t has one degree of freedom less
            than there are clusters (of raters or of samples, whichever are fewer).

    A labelling with a single cluster says nothing about others of its kind and is passed over: with one rater, the interval holds for
    that rater. Without any labelling of at least two, there is no interval.

    >>> votes, raters = np.array([[1, 1.0], [0, 1], [1, 1], [1, 1]]), ["ada", "ada", "bob", "cid"]
    >>> found = clustered(votes, [raters], lambda sums: sums[:, :1] / sums[:, 1:], seed=0)
    >>> found.value.item(), bool(found.low.item() < 0.75 < found.high.item())
    (0.75, True)
    """
    value = np.asarray(statistic(tallies.sum(0, keepdims=True))[0], float)
    codes = [np.unique(np.asarray(labels), return_inverse=True)[1] for labels in clusters]
    codes = [labels for labels in codes if len(labels) and labels.max() > 0]
    if not codes:
        nothing = np.full(value.shape, np.nan)
        return Estimates(value, nothing, nothing, nothing, 1)
    variances = [
        _variance(tallies, labels, statistic, derive_seed(seed, i), resamples)
        for i, labels in enumerate(codes)
    ]
    variance = variances[0]
    if len(codes) > 1:
        _, cells = np.unique(np.stack(codes), axis=1, return_inverse=True)
        both = _variance(tallies, cells.ravel(), statistic, derive_seed(seed, 2), resamples)
        variance = np.maximum(variances[0] + variances[1] - both, np.maximum(*variances))
    error = np.sqrt(variance)
    count = min(int(labels.max()) for labels in codes) + 1
    margin = t_quantile(count - 1, confidence) * error
    return Estimates(value, error, value - margin, value + margin, count)


def as_shares(found: Estimates, confidence: float = CONFIDENCE) -> Estimates:
    """Estimates of shares with intervals that stay in [0, 1] and have a width also where all votes agree.

    Wilson's interval for as many independent votes as would give the standard error; where all agree, for as many as there are
    clusters.

    Source: C. Franco et al., "Comparative Study of Confidence Intervals for Proportions in Complex Sample Surveys" (2019), the
    modified Wilson interval.

    >>> all_won = Estimates(*(np.array([x]) for x in (1.0, 0.0, 1.0, 1.0)), clusters=10)
    >>> as_shares(all_won).low.round(2).item(), as_shares(all_won).high.item()
    (0.66, 1.0)
    """
    p, error = found.value, found.error
    if found.clusters < 2:
        return found
    with np.errstate(divide="ignore", invalid="ignore"):
        votes = np.where((p <= 0) | (p >= 1), found.clusters, p * (1 - p) / error**2)
        pull = t_quantile(found.clusters - 1, confidence) ** 2 / votes
    middle = (p + pull / 2) / (1 + pull)
    margin = np.sqrt(pull * p * (1 - p) + pull**2 / 4) / (1 + pull)
    low, high = (middle - margin).clip(0, 1), (middle + margin).clip(0, 1)
    return Estimates(p, error, np.minimum(low, p), np.maximum(high, p), found.clusters)


def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """How many standard errors an interval reaches to each side, with ``freedom`` degrees of freedom.

    >>> round(t_quantile(9), 3), round(t_quantile(1000), 3)
    (2.262, 1.962)
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + confidence / 2))


def _variance(
    tallies: Array, labels: NDArray[np.intp], statistic: Statistic, seed: int, resamples: int
) -> Array:
    """The variance (P,) of the statistic over resamples of whole clusters, corrected for their number."""
    count = int(labels.max()) + 1
    flat = tallies.reshape(len(tallies), -1)
    sums = np.zeros((count, flat.shape[1]))
    np.add.at(sums, labels, flat)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    drawn = (draws.astype(float) @ sums).reshape(resamples, *tallies.shape[1:])
    found = statistic(drawn)
    known = np.isfinite(found)  # of a resample without any answer of a kind, there is no share
    counts = known.sum(0)
    mean = np.where(known, found, 0).sum(0) / np.maximum(counts, 1)
    squares = np.where(known, found - mean, 0) ** 2
    variance = squares.sum(0) / np.maximum(counts, 1) * count / (count - 1)
    return np.asarray(np.where(counts > 0, variance, np.nan))
