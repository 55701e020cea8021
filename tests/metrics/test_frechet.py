from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from tpige_kedro.metrics.frechet import frechet_distance


def features(count: int, size: int, seed: int, shift: float = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, size)) @ rng.standard_normal((size, size)) + shift


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 12), st.floats(-3, 3))
def test_against_the_root_of_scipy(seed: int, size: int, shift: float) -> None:
    a, b = features(60, size, seed), features(50, size, seed + 1, shift)
    covs = [np.cov(s.T) for s in (a, b)]
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(
        covs[0] + covs[1] - 2 * np.real(sqrtm(covs[0] @ covs[1]))
    )
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9, abs=1e-9)


def test_equal_sets_and_a_shift() -> None:
    few = features(5, 20, 0)  # fewer than dimensions
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(few, few + 2) == pytest.approx(20 * 4, rel=1e-6)


def test_one_feature_is_no_set() -> None:
    with pytest.raises(ValueError, match="two features"):
        frechet_distance(np.ones((1, 3)), np.ones((4, 3)))
