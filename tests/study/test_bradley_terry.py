"""Strengths: against evalica, by what they mean, and where there is little to go by."""

from __future__ import annotations

import math

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpige_kedro.study.bradley_terry import chances, is_connected, strengths, strengths_of_many


def random_counts(seed: int, size: int, mean: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wins = rng.poisson(mean, (size, size)).astype(float) + 1
    np.fill_diagonal(wins, 0)
    ties = np.triu(rng.poisson(mean / 3, (size, size)) + 1, 1).astype(float)
    return np.stack([wins, ties + ties.T])


def by_evalica(counts: np.ndarray) -> np.ndarray:
    """Newman's iteration, an independent implementation of the same model."""
    size = counts.shape[-1]
    rows = [(i, j, evalica.Winner.X, counts[0, i, j]) for i in range(size) for j in range(size)]
    rows += [(i, j, evalica.Winner.Draw, counts[1, i, j]) for i in range(size) for j in range(i)]
    xs, ys, winners, weights = map(list, zip(*(r for r in rows if r[3]), strict=True))
    weights = [float(w) for w in weights]
    fitted = evalica.newman(xs, ys, winners, weights=weights, tolerance=1e-12, limit=10_000)
    found = np.log(fitted.scores.reindex(range(size)).to_numpy())
    return found - found.mean()


@pytest.mark.parametrize("size", [2, 3, 6, 12])
@pytest.mark.parametrize("mean", [2, 40])
def test_without_a_prior_they_are_those_of_evalica(size: int, mean: int) -> None:
    counts = random_counts(size, size, mean)
    assert strengths(counts, prior=0) == pytest.approx(by_evalica(counts), abs=1e-6)


def test_two_variants_without_ties_have_the_logarithm_of_their_odds() -> None:
    found = strengths(np.array([[[0, 300.0], [100, 0]], [[0, 0], [0, 0]]]))
    assert found[0] - found[1] == pytest.approx(math.log(3), abs=0.01)  # the prior's pull


def test_they_are_found_from_many_votes() -> None:
    true, nu = np.array([0.9, 0.1, -1.0]), 0.4
    win, tie = chances(true[:, None] - true[None, :], np.log(np.full((1, 1), nu)))
    counts = 20_000 * np.stack([win, tie])
    counts[:, range(3), range(3)] = 0
    assert strengths(counts) == pytest.approx(true, abs=1e-3)


def test_many_at_once_are_each_alone() -> None:
    many = np.stack([random_counts(seed, 4, 5) for seed in range(50)])
    alone = np.stack([strengths(counts) for counts in many])
    assert strengths_of_many(many) == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize(
    "wins, ties",
    [
        ([[0, 500], [0, 0]], [[0, 0], [0, 0]]),
        ([[0, 0], [0, 0]], [[0, 500], [500, 0]]),
        ([[0, 1], [0, 0]], [[0, 0], [0, 0]]),
        ([[0, 300, 300], [0, 0, 300], [0, 0, 0]], [[0] * 3] * 3),
        ([[0, 3000, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 1000], [0, 0, 1], [1000, 1, 0]]),
    ],
    ids=["never lost", "only ties", "one vote", "a clear order", "met through ties"],
)
def test_strengths_stay_finite_and_in_order(
    wins: list[list[float]], ties: list[list[float]]
) -> None:
    found = strengths(np.array([wins, ties], float))
    assert np.isfinite(found).all() and abs(found.sum()) < 1e-9
    assert all(found[i] >= found[j] - 1e-9 for i, j in zip(*np.nonzero(wins), strict=True))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 7), st.sampled_from([0.2, 1.0, 30.0]))
def test_sparse_tables_have_strengths_too(seed: int, size: int, mean: float) -> None:
    """Resamples of few votes: variants without a vote, without a win, without a tie."""
    rng = np.random.default_rng(seed)
    wins = rng.poisson(mean, (size, size)) * (1 - np.eye(size))
    ties = np.triu(rng.poisson(mean / 4, (size, size)), 1)
    found = strengths_of_many(np.stack([wins, ties + ties.T])[None].astype(float))
    assert np.isfinite(found).all()


def test_groups_that_never_met_have_no_common_scale() -> None:
    counts = np.zeros((2, 4, 4))
    counts[0, 0, 1] = counts[0, 2, 3] = 5
    assert not is_connected(counts) and np.isnan(strengths(counts)).all()
    counts[1, 1, 2] = counts[1, 2, 1] = 1
    assert is_connected(counts) and np.isfinite(strengths(counts)).all()


def test_a_long_chain_of_comparisons_connects() -> None:
    counts = np.zeros((2, 13, 13))
    for i in range(12):
        counts[0, i, i + 1] = 3
    assert is_connected(counts)
