"""Many bootstraps at once are those of the product, and the samples are what is resampled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import synthetic_clips as world

from benchmarks.evidence.records import from_clips, seed_weights, with_pooled
from benchmarks.evidence.statistics import intervals, permutation_ps, ratio_interval
from benchmarks.evidence.summary import difference_rows
from tpige_kedro.metrics.statistics import bootstrap_interval, permutation_p


@pytest.mark.parametrize("n", [12, 150])
def test_intervals_and_p_values_are_those_of_the_product(n: int) -> None:
    """Within the noise of ten thousand resamples; few samples tell whether the percentiles are expanded."""
    generator = np.random.default_rng(0)
    values = generator.normal(0.05, 1, (n, 3)) * [1.0, 0.1, 5.0]
    values[: n // 6, 1] = np.nan
    found, p = intervals(values, 0), permutation_ps(values, 0)
    for i, column in enumerate(values.T):
        one = bootstrap_interval(column, 1)
        assert found.n[i] == one.n and found.mean[i] == pytest.approx(one.mean)
        near = 0.06 * (one.high - one.low)
        assert [found.low[i], found.high[i]] == pytest.approx([one.low, one.high], abs=near)
        assert p[i] == pytest.approx(permutation_p(column, 1), abs=0.02)


def test_intervals_hold_what_they_claim() -> None:
    """Over 1000 made-up experiments of 40 samples, some of them missing: 95 % within the noise of such a count."""
    generator = np.random.default_rng(0)
    values = generator.normal(1, 2, (40, 1000))
    values[generator.random(values.shape) < 0.2] = np.nan
    found = intervals(values, 0, resamples=2000)
    assert 0.93 < np.mean((found.low < 1) & (found.high > 1)) < 0.97


def test_a_column_without_values_has_no_interval() -> None:
    values = np.array([[np.nan, 1.0, 1.0], [np.nan, np.nan, 1.0]])
    found = intervals(values, 0)
    assert found.n.tolist() == [0, 1, 2]
    assert np.isnan(found.mean[0]) and np.isnan(found.low[:2]).all()
    assert (found.mean[2], found.low[2], found.high[2]) == (1, 1, 1)
    p = permutation_ps(np.where(np.isfinite(values), values - 1, np.nan), 0)
    assert np.isnan(p[0]) and p[2] == 1


def test_a_ratio_is_resampled_in_pairs_and_needs_something_to_share() -> None:
    generator = np.random.default_rng(0)
    gain = generator.normal(1, 1, 300)
    exact = ratio_interval(0.5 * gain, gain, 0)
    assert exact == pytest.approx((0.5, 0.5, 0.5))  # unpaired, it would have a wide interval
    share, low, high = ratio_interval(0.8 * gain + generator.normal(0, 0.1, 300), gain, 0)
    assert low < 0.8 < high and high - low < 0.06 and low < share < high
    assert np.isnan(ratio_interval(gain, gain - gain.mean(), 0)[1:]).all()


def test_another_generator_of_the_same_samples_is_not_another_sample() -> None:
    """A copy of a training seed adds nothing: the pooled interval is the one of the seed, and n counts samples."""
    one = world.clips([0], 60, 20)
    records = from_clips(pd.concat([one, one.assign(seed=1)]))
    a, b = records.of("vace_pe_ge"), records.of("vace_pe")
    found = pd.DataFrame(difference_rows(records, a - b, 0)).set_index(["measure", "seed"])
    first, pooled = found.loc[("identity", "0")], found.loc[("identity", "pooled")]
    for key in ("n", "difference", "low", "high", "p"):
        assert pooled[key] == pytest.approx(first[key])
    assert pooled["n"] == 60 and pooled["seeds"] == 2 and pooled["seeds_sd"] == 0


def test_a_sample_counts_with_the_seeds_that_have_it() -> None:
    values = np.array([[1.0, np.nan, np.nan], [3.0, 4.0, np.nan]])
    assert with_pooled(values)[-1].tolist()[:2] == [2.0, 4.0]
    assert np.isnan(with_pooled(values)[-1, 2])
    assert seed_weights(with_pooled(values))[-1].tolist() == [1.0, 0.5, 0.0]


def test_the_pooled_mean_lies_among_the_seeds_where_clips_lack_the_measure() -> None:
    """Faces that only one of two generators shows are unlike the others here, and must not count double."""
    generator = np.random.default_rng(0)
    values = generator.normal(0, 0.1, (2, 400))
    rare = np.arange(400) < 200
    values[:, rare] += 1
    values[0, rare & (np.arange(400) % 2 == 0)] = np.nan
    values[1, rare & (np.arange(400) % 2 == 1)] = np.nan
    columns = with_pooled(values).T
    found = intervals(columns, 0, weights=seed_weights(columns.T).T)
    assert found.mean[2] == pytest.approx(np.nanmean(values))
    assert found.mean[:2].min() < found.mean[2] < found.mean[:2].max()
    assert found.low[2] < found.mean[2] < found.high[2]
    assert found.n.tolist() == [300, 300, 400]


def test_weights_are_what_repeated_rows_would_be() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(0.2, 1, (80, 1))
    twice = np.where(np.arange(80) < 40, 2.0, 1.0)[:, None]
    found = intervals(values, 0, weights=twice)
    assert found.mean[0] == pytest.approx(np.concatenate([values, values[:40]]).mean())
    unequal = np.where(np.arange(80) < 40, 1.0, 0.0)[:, None]
    only, p = intervals(values, 0, weights=unequal), permutation_ps(values, 0, weights=unequal)
    half = np.where(unequal > 0, values, np.nan)
    assert (only.low[0], only.n[0]) == (intervals(half, 0).low[0], 40)
    assert p[0] == permutation_ps(half, 0)[0]
