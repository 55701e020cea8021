"""Intervals and p values: against scipy and statsmodels, by their promises, and alone as in company."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tpige_kedro.metrics.statistics import (
    bootstrap_interval,
    bootstrap_intervals,
    expanded_tail,
    holm,
    paired_difference,
    paired_differences,
    permutation_p,
    permutation_ps,
)

numbers = st.floats(-10, 10, allow_nan=False)
FEW = 400  # resamples where precision does not matter


def scattered(columns: int, samples: int, missing: float = 0.01) -> list[np.ndarray]:
    """Columns of scores with values missing here and there, so that they differ in length."""
    generator = np.random.default_rng(columns)
    values = generator.normal(0.5, 0.2, (columns, samples))
    values[generator.random(values.shape) < missing] = np.nan
    return list(values)


@pytest.mark.parametrize("n", [8, 50, 65, 200, 990])
def test_interval_agrees_with_scipy(n: int) -> None:
    values = np.random.default_rng(n).gamma(2, 1, n)
    ours = bootstrap_interval(values, seed=0)
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=20_000,
        confidence_level=1 - 2 * expanded_tail(n, 0.95),
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    spread = theirs.high - theirs.low
    assert ours.mean == values.mean() and ours.n == n
    assert ours.low == pytest.approx(theirs.low, abs=0.04 * spread)
    assert ours.high == pytest.approx(theirs.high, abs=0.04 * spread)


def coverage(columns: np.ndarray, mean: float) -> float:
    """The share of intervals that hold the true mean, over columns (K, N) of made-up experiments."""
    found = bootstrap_intervals(columns, seed=0)
    return float(np.mean([interval.low <= mean <= interval.high for interval in found]))


@pytest.mark.parametrize("n", [8, 30, 80])
def test_intervals_cover_the_true_mean(n: int) -> None:
    columns = np.random.default_rng(5).normal(0.3, 0.1, (2000, n))
    assert 0.935 <= coverage(columns, 0.3) <= 0.965  # plain percentiles reach 0.89 at n = 8


def test_intervals_of_skewed_values_cover_nearly_as_often() -> None:
    columns = np.random.default_rng(6).gamma(1, 0.2, (2000, 50))
    assert 0.92 <= coverage(columns, 0.2) <= 0.96  # 50 samples, as in the paper; exponential values


@settings(max_examples=40)
@given(st.lists(numbers, min_size=2, max_size=20), st.integers(0, 99), numbers, st.floats(0.1, 5))
def test_interval_repeats_shifts_and_scales_with_the_values(values, seed, shift, scale) -> None:
    first = bootstrap_interval(values, seed, FEW)
    assert first == bootstrap_interval(values, seed, FEW)
    assert min(values) - 1e-9 <= first.low <= first.high <= max(values) + 1e-9
    moved = bootstrap_interval(scale * np.array(values) + shift, seed, FEW)
    assert moved.low == pytest.approx(scale * first.low + shift, abs=1e-6)
    assert moved.high == pytest.approx(scale * first.high + shift, abs=1e-6)


def test_too_few_values_have_no_interval() -> None:
    nothing = bootstrap_interval([np.nan, np.inf], seed=0)
    assert nothing.n == 0 and np.isnan([nothing.mean, nothing.low, nothing.high]).all()
    one = bootstrap_interval([0.4, np.nan], seed=0)
    assert (one.n, one.mean) == (1, 0.4) and np.isnan([one.low, one.high]).all()


def test_another_seed_moves_an_interval_by_little_and_the_same_one_by_nothing() -> None:
    (values,) = scattered(1, 300)
    first, again, other = (bootstrap_interval(values, seed) for seed in (0, 0, 1))
    assert first == again
    assert first.low != other.low
    assert other.low == pytest.approx(first.low, abs=0.05 * (first.high - first.low))


# --- many columns at once


def lengths() -> list[np.ndarray]:
    """Columns of all kinds: empty, one value, few, many, equal in length or nearly so, tiny and huge numbers."""
    generator = np.random.default_rng(0)
    some = [generator.normal(0.2, 1, n) for n in (0, 1, 2, 5, 13, 14, 14, 60, 64, 65, 70, 128, 129)]
    some += [some[-1] * 1e-12, some[-1] * 1e9, np.full(20, 0.1), np.full(90, np.nan), some[4][::-1]]
    return some + scattered(12, 150, 0.1)


def same(a: object, b: object) -> bool:
    return repr(a) == repr(b)  # unlike ==, to the last digit with NaN equal to NaN


def test_a_column_has_the_same_numbers_alone_and_in_any_company() -> None:
    columns = lengths()
    together = bootstrap_intervals(columns, 5, FEW)
    ps = permutation_ps(columns, 5, FEW)
    assert same(together, [bootstrap_interval(column, 5, FEW) for column in columns])
    assert same(ps, [permutation_p(column, 5, FEW) for column in columns])
    assert same(together[::-1], bootstrap_intervals(columns[::-1], 5, FEW))
    pairs = list(zip(scattered(30, 150), scattered(30, 150, 0.3)[::-1], strict=True))
    compared = paired_differences(pairs, 5, FEW)
    assert same(compared, [paired_difference(a, b, 5, FEW) for a, b in pairs])


def test_values_that_are_missing_elsewhere_do_not_matter() -> None:
    values = np.random.default_rng(0).normal(0, 1, 90)
    with_gaps = np.insert(values, [0, 5, 5, 40, 90], np.nan)
    assert bootstrap_interval(with_gaps, 0, FEW) == bootstrap_interval(values, 0, FEW)
    assert permutation_p(with_gaps, 0, FEW) == permutation_p(values, 0, FEW)


# --- paired comparisons


@pytest.mark.parametrize("n", [2, 5, 9])
def test_exact_permutation_p_equals_scipy(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.4, 1, n)
    expected = stats.permutation_test(
        (differences, np.zeros(n)),
        lambda a, b, axis: (a - b).mean(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    assert permutation_p(differences, seed=0) == pytest.approx(expected)


def test_sampled_permutation_p_is_near_the_t_test_and_never_zero() -> None:
    differences = np.random.default_rng(0).normal(0.2, 1, 200)
    expected = stats.ttest_1samp(differences, 0).pvalue
    assert permutation_p(differences, seed=0) == pytest.approx(expected, abs=0.01)
    assert permutation_p(np.ones(100), seed=0, resamples=999) == pytest.approx(1 / 1000)


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.6])
def test_sampled_permutation_p_equals_scipy_up_to_chance(shift: float) -> None:
    a, b = np.random.default_rng(7).gamma(2, 1, (2, 40))
    a = a + shift
    expected = stats.permutation_test(
        (a, b),
        lambda x, y, axis: (x - y).mean(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=50_000,
        rng=np.random.default_rng(8),
    ).pvalue
    ours = paired_difference(a, b, seed=0, resamples=50_000)
    twice_one_tail = 2 * np.sqrt(expected / 2 * (1 - expected / 2) / 50_000)  # what scipy counts
    both_tails = np.sqrt(expected * (1 - expected) / 50_000)
    assert ours.p == pytest.approx(expected, abs=4 * np.hypot(twice_one_tail, both_tails) + 1e-4)
    assert ours.difference == pytest.approx((a - b).mean())


def test_equal_columns_have_p_one_and_no_pairs_have_none() -> None:
    same = paired_difference([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], seed=0)
    assert (same.n, same.difference, same.low, same.high, same.p) == (3, 0, 0, 0, 1)
    none = paired_difference([np.nan, 1.0], [1.0, np.nan], seed=0)
    assert none.n == 0 and np.isnan([none.difference, none.p]).all()


@pytest.mark.parametrize("n", [9, 40])
def test_false_alarms_of_the_permutation_test_are_as_rare_as_promised(n: int) -> None:
    p = permutation_ps(np.random.default_rng(2).normal(0, 1, (2000, n)), seed=0)
    assert 0.04 <= np.mean(np.array(p) <= 0.05) <= 0.06


def test_pairing_removes_what_samples_share() -> None:
    generator = np.random.default_rng(1)
    easy_or_hard = generator.normal(0, 1, 12)
    a = easy_or_hard + 0.1 + generator.normal(0, 0.02, 12)
    result = paired_difference(a, easy_or_hard, seed=3)
    assert result.p < 0.001 and 0.08 < result.low < 0.1 < result.high < 0.13


def test_holm_by_hand_and_with_missing_values() -> None:
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    with_gap = holm([0.01, np.nan, 0.04, 0.03])
    assert with_gap[[0, 2, 3]].tolist() == pytest.approx([0.03, 0.06, 0.06]) and np.isnan(
        with_gap[1]
    )


def test_holm_equals_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="no statsmodels")
    monkeypatch.setattr("gc.collect", lambda: 0)  # in every call of it: 0.6 s among all the tests
    for seed in range(50):
        p = np.random.default_rng(seed).uniform(0, 0.2, 1 + seed % 12)
        expected = multitest.multipletests(p, method="holm")[1]
        np.testing.assert_allclose(holm(p), expected, rtol=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_exactly_what_the_step_down_procedure_does(p) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all() and (adjusted <= 1).all()
    for level in (0.01, 0.05, 0.3):
        rejected, m = set(), len(p)
        for step, i in enumerate(np.argsort(p, kind="stable")):
            if p[i] * (m - step) > level:
                break
            rejected.add(int(i))
        assert set(np.flatnonzero(adjusted <= level)) == rejected


@pytest.mark.parametrize("scale", [10, 3, 7])
def test_sums_that_are_equal_count_as_equal_however_they_round(scale: int) -> None:
    """The same differences as whole numbers and as fractions, whose sums are off by the last digit."""
    draw = np.random.default_rng(scale)
    columns = [draw.integers(-4, 5, draw.integers(2, 9)).astype(float) for _ in range(60)]
    assert permutation_ps([column / scale for column in columns], 0) == permutation_ps(columns, 0)


@pytest.mark.parametrize("n", [2, 3, 8, 50, 1000])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_tail_is_that_of_hesterberg(n: int, confidence: float) -> None:
    t = stats.t(df=n - 1).ppf((1 - confidence) / 2)
    assert expanded_tail(n, confidence) == pytest.approx(stats.norm.cdf(t * np.sqrt(n / (n - 1))))
