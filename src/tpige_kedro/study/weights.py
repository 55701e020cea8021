"""Weights of a sum of metrics that orders pairs as people do, and how well such weights do on samples that they have not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FOLDS = 10
MIN_SAMPLES, PAIRS_PER_WEIGHT = 10, 10  # fewer say too little about weights
RIDGE = 1.0  # on weights of metrics in units of their spread: keeps them finite where a sum orders all pairs


def ordered_alike(difference: Array) -> Array:
    """Whether pairs are ordered as people do: 1 if so, 0 if the other way round, ½ if both clips score the same; NaN stays.

    Args:
        difference: how much higher the clip that people prefer scores.

    >>> ordered_alike(np.array([0.2, -0.1, 0.0, np.nan])).tolist()
    [1.0, 0.0, 0.5, nan]
    """
    return np.asarray((1 + np.sign(difference)) / 2)


def fitted_weights(differences: Array) -> Array:
    """The weights (M,) ≥ 0 with sum 1 under which the sum of metrics says best which clip people prefer.

    They maximise the likelihood of a logistic model: P(people prefer a) = σ(Σ weight · difference), with a small ridge.

    Args:
        differences: how much better the preferred clip is, (N, M), in metrics of which more is better.

    Returns:
        NaN for all if no metric helps, that is if people prefer what scores lower in each.

    >>> fitted_weights(np.array([[1.0, -1.0], [2.0, 0.1], [1.5, -0.2]])).tolist()
    [1.0, 0.0]
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    spread = np.sqrt((differences**2).mean(0))
    scaled = differences / np.where(spread > 0, spread, 1)

    def loss(weights: Array) -> tuple[float, Array]:
        margin = scaled @ weights
        slope = -scaled.T @ expit(-margin) + RIDGE * weights
        return float(np.logaddexp(0, -margin).sum() + RIDGE / 2 * weights @ weights), slope

    size = differences.shape[1]
    bounds = [(0, None)] * size
    found = minimize(loss, np.zeros(size), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = np.where(spread > 0, found / np.where(spread > 0, spread, 1), 0.0)
    total = weights.sum()
    return np.asarray(weights / total if total > 0 else np.full(size, np.nan))


def cross_validated(differences: Array, samples: NDArray[np.object_], seed: int) -> Array | None:
    """Whether pairs are ordered as people do by weights that were fitted to other samples, (N,) as in :func:`ordered_alike`.

    Samples are dealt to 10 folds at random; the pairs of each fold are ordered by the weights of the other nine.

    Args:
        differences: see :func:`fitted_weights`.
        samples: of the pairs, (N,).
        seed: of the folds.

    Returns:
        None if there are fewer than 10 samples or 10 pairs per weight.

    >>> samples = np.repeat([f"s{i}" for i in range(10)], 2)
    >>> better_in_the_first = np.tile([[1.0, -0.5]], (20, 1))
    >>> cross_validated(better_in_the_first, samples, seed=0).mean().item()
    1.0
    """
    names = np.unique(samples)
    count, size = differences.shape
    if len(names) < MIN_SAMPLES or count < PAIRS_PER_WEIGHT * size:
        return None
    folds = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    fold = folds[np.searchsorted(names, samples)]
    held_out = np.full(count, np.nan)
    for i in range(FOLDS):
        mine = fold == i
        weights = np.nan_to_num(fitted_weights(differences[~mine]))  # none helps: no order
        held_out[mine] = ordered_alike(differences[mine] @ weights)
    return held_out
