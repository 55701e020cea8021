"""Intervals for raters and samples hold what they promise, in simulated studies whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tpige_kedro.study.clusters import Estimates, as_shares, clustered
from tpige_kedro.study.points import shares, tallies
from tpige_kedro.study.scores import score_table
from tpige_kedro.study.simulated import Behaviour, deal, expected_points, simulate_points
from voting import STRONG, pair_list

NAMES = ["vace", "vace_pe_ge", "phantom"]
STUDIES, FEW = 100, 100  # how many simulated, and resamples of each
# 3 standard deviations of a share of 100 that is truly 0.95
LEAST = 0.95 - 3 * np.sqrt(0.95 * 0.05 / STUDIES)


def studies(
    raters: int, samples: int, each: int, behaviour: Behaviour, seed: int
) -> list[pd.DataFrame]:
    """Simulated studies of the same size."""
    rng = np.random.default_rng(seed)
    shown = deal(pair_list(NAMES, samples), [f"r{i}" for i in range(raters)], each, rng)
    left = np.zeros((STUDIES, len(shown)), bool)
    points = simulate_points(shown, behaviour, left, seed)
    return [shown.assign(points=p) for p in points]


def true_share(name: str, behaviour: Behaviour) -> float:
    own, spread = behaviour.strengths, np.hypot(behaviour.rater_spread, behaviour.sample_spread)
    rest = [other for other in NAMES if other != name]
    gained = [
        expected_points(own[name] - own[o], behaviour.ties, np.sqrt(2) * spread) for o in rest
    ]
    return float(np.mean(gained))


def estimated(votes: pd.DataFrame, seed: int) -> Estimates:
    added = tallies(votes, NAMES)
    return as_shares(clustered(added, [votes["rater"], votes["sample_id"]], shares, seed, FEW))


@pytest.mark.parametrize(
    "rater_spread, sample_spread",
    [(0, 0), (0.7, 0), (0, 0.7), (0.5, 0.5)],
    ids=["independent votes", "raters differ", "samples differ", "both differ"],
)
def test_intervals_of_scores_cover_at_their_level(
    rater_spread: float, sample_spread: float
) -> None:
    behaviour = Behaviour(STRONG, 0.4, rater_spread, sample_spread)
    truth = np.array([true_share(name, behaviour) for name in NAMES])
    found = [estimated(votes, i) for i, votes in enumerate(studies(12, 12, 18, behaviour, 7))]
    covered = np.mean([(e.low <= truth) & (truth <= e.high) for e in found], axis=0)
    assert (covered >= LEAST).all(), covered
    # and they are no wider than they have to be: the standard error is what the scores really spread by
    spread = np.std([e.value for e in found], axis=0)
    ratio = np.mean([e.error for e in found], axis=0) / spread
    assert ((ratio > 0.85) & (ratio < 1.3)).all(), ratio


def test_intervals_of_strengths_cover_at_their_level() -> None:
    """Without tastes, so that the true strengths are those that answers were drawn by."""
    behaviour = Behaviour(STRONG, 0.4)
    truth = np.array([STRONG[name] for name in NAMES])
    truth = truth - truth.mean()
    covered = []
    for i, votes in enumerate(studies(12, 12, 18, behaviour, 11)):
        table = score_table(votes, i, FEW).set_index("variant").loc[NAMES]
        covered.append((table["strength_low"] <= truth) & (truth <= table["strength_high"]))
    assert (np.mean(covered, axis=0) >= LEAST).all()


def test_votes_that_are_alike_need_wider_intervals_than_independent_ones() -> None:
    """Taking each vote for itself would claim far too much where raters differ."""
    votes = studies(12, 12, 18, Behaviour(STRONG, 0.4, 0.9, 0.0), 3)[0]
    each = clustered(tallies(votes, NAMES), [np.arange(len(votes))], shares, 0)
    assert (estimated(votes, 0).error > 1.3 * each.error).all()


def test_an_error_is_that_of_the_formula() -> None:
    """Of a mean over clusters of one size, the bootstrap's is the textbook's, within its own noise."""
    rng = np.random.default_rng(0)
    means = rng.normal(0.5, 0.1, 30)
    value, raters = np.repeat(means, 4), np.repeat(np.arange(30), 4)
    added = np.stack([value, np.ones(120)], axis=1)
    found = clustered(added, [raters], lambda s: s[:, :1] / s[:, 1:], 0, resamples=20_000)
    assert found.value[0] == pytest.approx(means.mean())
    assert found.error[0] == pytest.approx(means.std(ddof=1) / np.sqrt(30), rel=0.03)


def test_one_rater_is_passed_over_and_one_of_each_gives_no_interval() -> None:
    votes = studies(1, 12, 36, Behaviour(STRONG), 0)[0]
    by_sample = clustered(tallies(votes, NAMES), [votes["sample_id"]], shares, 5, FEW)
    both = clustered(tallies(votes, NAMES), [votes["rater"], votes["sample_id"]], shares, 5, FEW)
    assert np.isfinite(both.low).all()
    assert both.error == pytest.approx(by_sample.error)
    alone = votes[votes["sample_id"] == "s00"]
    found = estimated(alone, 0)
    assert np.isnan(found.low).all() and np.isfinite(found.value).all()


def test_where_all_votes_agree_the_interval_has_a_width() -> None:
    """Twelve raters out of twelve do not prove that nobody would vote otherwise; thirty prove more."""
    widths = []
    for raters in (12, 30):
        votes = studies(raters, 12, 18, Behaviour({"vace": 40.0, "vace_pe_ge": 0.0, "phantom": -40.0}, 0.01), 0)[0]  # fmt: skip
        table = score_table(votes, 0, FEW).set_index("variant")
        assert table.loc["vace", ["share", "high"]].tolist() == [1.0, 1.0]
        assert table.loc["phantom", ["low", "share"]].tolist() == [0.0, 0.0]
        assert 0.6 < table.loc["vace", "low"] < 0.95
        widths.append(1 - table.loc["vace", "low"])
    assert widths[0] >= widths[1]


@pytest.mark.parametrize("share", [0.03, 0.5, 0.97])
def test_intervals_of_shares_cover_at_their_level_also_near_the_ends(share: float) -> None:
    rng, hits = np.random.default_rng(5), 0
    raters, samples = np.repeat(np.arange(10), 8), np.tile(np.arange(8), 10)
    for seed in range(STUDIES):
        added = np.stack([rng.random(80) < share, np.ones(80)], axis=1).astype(float)
        found = as_shares(clustered(added, [raters, samples], lambda s: s[:, :1] / s[:, 1:], seed, FEW))  # fmt: skip
        assert 0 <= found.low[0] <= found.value[0] <= found.high[0] <= 1
        hits += found.low[0] <= share <= found.high[0]
    assert hits / STUDIES >= LEAST


def test_the_same_seed_gives_the_same_interval() -> None:
    votes = studies(5, 6, 9, Behaviour(STRONG), 0)[0]
    one, again, other = (estimated(votes, seed) for seed in (1, 1, 2))
    assert (one.low == again.low).all() and (one.low != other.low).any()
    assert (one.low < other.value).all() and (one.high > other.value).all()
