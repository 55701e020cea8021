"""Bradley–Terry strengths with ties: how much better a variant is than another, whoever else it met.

    P(i beats j) = πi / D,   P(tie) = 2 ν √(πi πj) / D,   D = πi + πj + 2 ν √(πi πj)

A score counts points and depends on the opponents; a strength does not, so it is fair when variants were not shown equally often.

Source: R. R. Davidson, "On extending the Bradley–Terry model to accommodate ties" (1970). In ln π and ln ν its likelihood is concave,
so Newton's method finds the one maximum in a few steps, also for many tables at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PRIOR = 0.5  # see strengths
STEPS, LONGEST, TOLERANCE = 200, 1.0, 1e-8  # of Newton's method; changes of ln π and ln ν


class NotConvergedError(ArithmeticError):
    """Strengths were not found in the allowed number of steps."""


def strengths(counts: Array, prior: float = PRIOR) -> Array:
    """The strengths ln π (K,) of K variants, with mean 0: a difference of 1 is odds of e : 1 between win and loss.

    NaN for all if there are two groups of variants that were never compared with each other, not even through others.

    Args:
        counts: tables of wins and ties (2, K, K), see :func:`.points.tallies`.
        prior: so many wins and losses of each variant against a made-up one of strength 0, and so many ties and decided votes between
            two equal ones, keep strengths finite where a variant never lost. 0 gives the maximum of the likelihood, if there is one.

    >>> strengths(np.array([[[0, 30.0], [10, 0]], [[0, 5], [5, 0]]]), prior=0).round(3).tolist()
    [0.549, -0.549]
    """
    if not is_connected(counts):
        return np.full(counts.shape[-1], np.nan)
    return np.asarray(strengths_of_many(counts[None], prior)[0])


def strengths_of_many(counts: Array, prior: float = PRIOR) -> Array:
    """:func:`strengths` of many tables of the same variants at once: (B, K) from (B, 2, K, K).

    Raises:
        NotConvergedError: no maximum was found, which happens only without a prior.

    >>> counts = np.zeros((5, 2, 3, 3))
    >>> counts[:, 0, 0, 1] = 4  # of 0 against 1
    >>> strengths_of_many(counts).shape
    (5, 3)
    """
    wins, ties = counts[:, 0], counts[:, 1]
    size = counts.shape[-1]
    found = np.zeros((len(counts), size + 1))  # ln π, and at last ln ν
    going = np.arange(len(counts))
    for _ in range(STEPS):
        step = _newton_step(found[going], wins[going], ties[going], prior)
        longest = np.abs(step).max(-1, keepdims=True)
        found[going] += step * np.minimum(1, LONGEST / np.maximum(longest, LONGEST))
        going = going[longest[:, 0] > TOLERANCE]
        if not len(going):
            return np.asarray(found[:, :size] - found[:, :size].mean(-1, keepdims=True))
    raise NotConvergedError(f"strengths of {len(going)} tables of wins did not converge")


def _newton_step(found: Array, wins: Array, ties: Array, prior: float) -> Array:
    """The gradient of the log-likelihood, divided by its curvature: (B, K + 1)."""
    strength, log_nu = found[:, :-1], found[:, -1]
    win, tie = chances(strength[:, :, None] - strength[:, None, :], log_nu[:, None, None])
    met = wins + wins.swapaxes(-1, -2) + ties
    mean = win + tie / 2  # of the points of i against j
    slope = (wins + ties / 2 - met * mean).sum(-1)
    spread = met * (mean * (1 - mean) - tie / 4)  # variance of the points
    mixed = (met * tie * (0.5 - mean)).sum(-1)  # covariance of points and ties

    own, _ = chances(strength, np.full((*log_nu.shape, 1), -np.inf))  # against the made-up variant
    _, equal = chances(np.zeros(log_nu.shape), log_nu)
    slope = slope + prior * (1 - 2 * own)
    slope_nu = (ties - met * tie).sum((-1, -2)) / 2 + prior * (1 - 2 * equal)

    curve = np.zeros((len(found), found.shape[1], found.shape[1]))
    curve[:, :-1, :-1] = -spread
    diagonal = np.arange(strength.shape[1])
    curve[:, diagonal, diagonal] += spread.sum(-1) + 2 * prior * own * (1 - own)
    curve[:, :-1, -1] = curve[:, -1, :-1] = mixed
    curve[:, -1, -1] = (met * tie * (1 - tie)).sum((-1, -2)) / 2 + 2 * prior * equal * (1 - equal)
    if prior == 0:  # the likelihood does not change when all strengths do
        curve[:, :-1, :-1] += 1 / strength.shape[1]
    slopes = np.concatenate([slope, slope_nu[:, None]], axis=1)
    return np.asarray(np.linalg.solve(curve, slopes[..., None])[..., 0])


def chances(difference: Array, log_nu: Array) -> tuple[Array, Array]:
    """P(i beats j) and P(tie) where ln πi − ln πj is ``difference``, both in the shape that the two arrays have together.

    >>> win, tie = chances(np.zeros(1), np.log([0.5]))
    >>> win.round(3).item(), tie.round(3).item()
    (0.333, 0.333)
    """
    up, down, even = difference / 2, -difference / 2, log_nu + np.log(2)
    top = np.maximum(np.maximum(up, down), even)
    win, loss, tie = np.exp(up - top), np.exp(down - top), np.exp(even - top)
    total = win + loss + tie
    return win / total, tie / total


def is_connected(counts: Array) -> bool:
    """Whether every variant was compared with every other, at least through others, by tables (2, K, K).

    >>> is_connected(np.zeros((2, 2, 2)))
    False
    """
    reached = np.eye(counts.shape[-1]) + counts[0] + counts[0].T + counts[1] > 0
    for _ in range(int(counts.shape[-1]).bit_length()):  # paths of 2, 4, 8 … comparisons
        reached = reached @ reached
    return bool(reached.all())
