"""Draws in common: spread like plain resamples, exact sums, few matrices, little memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from tpige_kedro.metrics import resampling
from tpige_kedro.metrics.statistics import (
    bootstrap_interval,
    bootstrap_intervals,
    paired_differences,
    permutation_ps,
)

FEW = 400  # resamples where precision does not matter


def scattered(columns: int, samples: int, missing: float = 0.01) -> list[np.ndarray]:
    """Columns of scores with values missing here and there, so that they differ in length."""
    generator = np.random.default_rng(columns)
    values = generator.normal(0.5, 0.2, (columns, samples))
    values[generator.random(values.shape) < missing] = np.nan
    return list(values)


@pytest.mark.parametrize("n", [7, 64, 65, 200])
def test_resampled_means_are_spread_like_those_of_plain_resamples(n: int) -> None:
    """Also above 64 values, where zeros fill the column up to the size that it shares with others."""
    values = np.random.default_rng(n).gamma(1, 1, n)
    deviations = values - values.mean()
    (_, sums), *_ = resampling.resampled_sums({0: resampling.on_grid(deviations)}, 3, 100_000)
    means = sums / n
    spread = deviations.std() / np.sqrt(n)
    assert len(means) == 100_000
    assert means.mean() == pytest.approx(0, abs=5 * spread / np.sqrt(100_000))
    assert means.std() == pytest.approx(spread, rel=0.015)
    assert stats.skew(means) == pytest.approx(stats.skew(values) / np.sqrt(n), abs=0.05)
    assert stats.kurtosis(means) == pytest.approx(stats.kurtosis(values) / n, abs=0.1)


def test_how_many_columns_go_into_a_product_changes_nothing(monkeypatch) -> None:
    columns = scattered(20, 150)
    whole = bootstrap_intervals(columns, 0, FEW), permutation_ps(columns, 0, FEW)
    monkeypatch.setattr(resampling, "SUMS", 3 * FEW)
    assert (bootstrap_intervals(columns, 0, FEW), permutation_ps(columns, 0, FEW)) == whole


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=300), st.randoms())
def test_sums_on_the_grid_are_exact_in_any_order(values, shuffler) -> None:
    grid = resampling.on_grid(np.array(values))
    assert np.abs(grid - values).max() <= 1e-12 * np.abs(values).max() + 1e-290
    drawn = shuffler.choices(grid.tolist(), k=len(values))
    forward = sum(drawn)
    shuffler.shuffle(drawn)
    assert sum(drawn) == forward == np.sum(drawn)


def test_columns_of_nearly_the_same_length_share_their_draws(monkeypatch) -> None:
    drawn = []
    count, bits = resampling._count_blocks, resampling._bit_blocks
    monkeypatch.setattr(
        resampling, "_count_blocks", lambda *size: drawn.append(("counts", size[0])) or count(*size)
    )
    monkeypatch.setattr(
        resampling, "_bit_blocks", lambda *size: drawn.append(("signs", size[0])) or bits(*size)
    )
    columns = scattered(100, 1000)
    assert len({np.isfinite(column).sum() for column in columns}) > 10
    paired_differences([(column, 0 * column) for column in columns], 0, FEW)
    assert drawn == [("counts", 1024), ("signs", 1024)]


@pytest.mark.parametrize(("columns", "samples", "resamples"), [(300, 200, 10_000), (3, 9000, 2000)])
def test_memory_is_bounded_however_many_draws_there_are(columns, samples, resamples) -> None:
    """The whole matrix of draws of the second case would take 260 MB."""
    values = scattered(columns, samples)
    bootstrap_interval(values[0], 0, 2)  # imports what it needs
    tracemalloc.start()
    bootstrap_intervals(values, 0, resamples)
    permutation_ps(values, 0, resamples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6


@pytest.mark.parametrize("size", [30, 1000])
def test_blocks_of_draws_are_complete(monkeypatch, size: int) -> None:
    monkeypatch.setattr(resampling, "BLOCK", 100)
    counts = np.concatenate(list(resampling._count_blocks(size, 0, 1001)))
    assert counts.shape == (1001, size) and (counts.sum(axis=1) == size).all()
    bits = np.concatenate(list(resampling._bit_blocks(size, 0, 1001)))
    assert bits.shape == (1001, size) and set(np.unique(bits)) == {0, 1}
    patterns = np.concatenate(list(resampling._pattern_blocks(7)))
    assert len(np.unique(patterns, axis=0)) == len(patterns) == 128


@given(st.integers(1, 30), st.integers(1, 40_000))
@example(13, 8191)
@example(13, 8192)
@example(13, 16_383)
@example(14, 16_383)
def test_all_patterns_fit_where_they_are_not_more_than_the_resamples(n: int, most: int) -> None:
    assert resampling.all_patterns_fit(n, most) == (2**n <= most)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 128, 129, 1000])
def test_the_shared_width_is_enough_and_less_than_twice_as_much(n: int) -> None:
    width = resampling.shared_size(n)
    assert width == n if n <= 64 else n <= width < 2 * n and width & (width - 1) == 0
