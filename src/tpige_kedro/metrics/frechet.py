"""The Fréchet distance of two sets of features: what FID means."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def frechet_distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """``|m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2`` of two sets (n, D), each n >= 2; in [0, inf), lower is closer.

    In float64 with covariances over n - 1. The product under the root is symmetric, so that sets with fewer features than
    dimensions are treated right; the published code takes the root of S1 S2, which is not symmetric, with an algorithm
    for symmetric matrices.

    Raises:
        ValueError: fewer than two features in a set.

    Source: Heusel et al. 2017, equation 6.
    """
    sets = [np.asarray(values, np.float64) for values in (first, second)]
    if min(map(len, sets)) < 2:
        raise ValueError("Fréchet distance: each set needs two features or more")
    (mean1, cov1), (mean2, cov2) = ((s.mean(0), np.atleast_2d(np.cov(s.T))) for s in sets)
    root = symmetric_root(cov1)
    shared = np.linalg.eigvalsh(root @ cov2 @ root).clip(min=0)
    squared = ((mean1 - mean2) ** 2).sum() + np.trace(cov1) + np.trace(cov2)
    return max(0.0, float(squared - 2 * np.sqrt(shared).sum()))


def symmetric_root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The square root of a symmetric matrix without negative eigenvalues (rounding aside)."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
