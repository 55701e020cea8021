"""Which metric agrees with people, against a naive computation, and weights that are found again."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tpige_kedro.metrics.catalog import METRICS
from tpige_kedro.study.metric_agreement import (
    SUGGESTED,
    TODAY,
    decided_pairs,
    differences,
    metric_table,
    weight_tables,
)
from tpige_kedro.study.simulated import Behaviour
from tpige_kedro.study.votes import comparisons
from tpige_kedro.study.weights import cross_validated, fitted_weights
from voting import STRONG, pair_list, simulated, swapped_sides

FEW = 100
SAMPLES = 14
WEIGHTS = {"gme_score": 0.3, "cur_score": 0.4, "motion_smoothness": 0.3}


def made_up_scores(seed: int = 0) -> pd.DataFrame:
    """Scores of clips: identity follows what people see, sharpness is noise, FID* is identity the other way round."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(SAMPLES):
        for variant, worth in STRONG.items():
            seen = worth + rng.normal(0, 0.15)
            row = {"cur_score": 0.5 + 0.2 * seen, "face_feature_sqdist": 200 - 50 * seen}
            row |= {"gme_score": 0.6 + rng.normal(0, 0.02), "motion_smoothness": 0.97}
            row |= {"face_rate": 0.9 if i else math.nan, "motion_amount": rng.random()}
            row["overall"] = sum(w * row[m] for m, w in WEIGHTS.items())
            rows.append({"sample_id": f"s{i:02}", "variant": variant, **row})
    table = pd.DataFrame(rows)
    return table.assign(face_rate_reason=np.where(table["face_rate"].isna(), "no face", None))


@pytest.fixture(scope="module")
def counted() -> pd.DataFrame:
    return simulated(Behaviour(STRONG, 0.3), pair_list(list(STRONG), SAMPLES), 5)


def naive_agreement(votes: pd.DataFrame, scores: pd.DataFrame, metric: str, sign: int) -> tuple[float, int]:  # fmt: skip
    """The share of decided pairs that a metric orders alike, pair by pair."""
    known = {(r["sample_id"], r["variant"]): r[metric] for r in scores.to_dict("records")}
    margins: dict[tuple[str, str, str], float] = {}
    for vote in votes.to_dict("records"):
        key = vote["sample_id"], vote["variant_a"], vote["variant_b"]
        margins[key] = margins.get(key, 0) + vote["points"] - 0.5
    right: list[float] = []
    for (sample, a, b), margin in margins.items():
        difference = sign * (known[sample, a] - known[sample, b])
        if margin and not math.isnan(difference):
            alike = difference * margin
            right.append(1.0 if alike > 0 else 0.0 if alike < 0 else 0.5)
    return sum(right) / len(right), len(right)


def test_agreement_is_that_of_a_naive_computation(counted: pd.DataFrame) -> None:
    votes, scores = comparisons(counted), made_up_scores()
    table = metric_table(votes, scores, METRICS, 0, FEW).set_index("metric")
    assert set(table.index) == {
        "cur_score", "face_feature_sqdist", "gme_score", "motion_smoothness", "face_rate", "overall",
    }, "what only describes has no direction"  # fmt: skip
    for metric, row in table.iterrows():
        sign = {"higher": 1, "lower": -1}[METRICS[metric].better]
        share, n = naive_agreement(votes, scores, metric, sign)
        assert (row["agreement"], row["n"]) == (pytest.approx(share), n), metric


def test_the_metric_that_people_follow_agrees_and_noise_does_not(counted: pd.DataFrame) -> None:
    table = metric_table(comparisons(counted), made_up_scores(), METRICS, 0, 400).set_index("metric")  # fmt: skip
    assert table.loc["cur_score", "low"] > 0.6
    assert table.loc["face_feature_sqdist", "agreement"] == table.loc["cur_score", "agreement"]
    assert table.loc["gme_score", "low"] < 0.5 < table.loc["gme_score", "high"]
    assert table.loc["motion_smoothness", ["agreement", "low", "high"]].tolist() == [0.5] * 3
    assert table.loc["face_rate", "samples"] == SAMPLES - 1, "a missing value is left out"
    assert table["agreement"].is_monotonic_decreasing


def test_intervals_are_over_samples() -> None:
    """A metric that is right on some samples and wrong on the others: pairs of one sample are one piece of luck."""
    pairs = pair_list(["x", "y", "z"], 10)
    sure = {"x": 30.0, "y": 0.0, "z": -30.0}
    votes = comparisons(simulated(Behaviour(sure, 0.01), pairs, 2))
    names = sorted(votes["sample_id"].unique())
    rows = [
        {"sample_id": s, "variant": v, "cur_score": value * (1 if i % 2 else -1)}
        for i, s in enumerate(names)
        for v, value in sure.items()
    ]
    (row,) = metric_table(votes, pd.DataFrame(rows), METRICS, 0, 2000).to_dict("records")
    assert (row["agreement"], row["n"], row["samples"]) == (0.5, 30, 10)
    pull = 2.262**2 / 9  # Wilson's interval for nine votes, with t: ten samples that are 0 or 1
    margin = math.sqrt(pull / 4 + pull**2 / 4) / (1 + pull)
    assert row["high"] - row["low"] == pytest.approx(2 * margin, rel=0.1)


def test_intervals_cover_at_their_level() -> None:
    """Of metrics that are right in 70 % of pairs, with luck that pairs of one sample share."""
    rng, hits = np.random.default_rng(0), 0
    for seed in range(60):
        luck = rng.beta(3.5, 1.5, 30)  # of samples, mean 0.7
        samples = np.repeat(np.arange(30), 3)
        people = rng.choice([-1, 1], 90)
        right = np.where(rng.random(90) < luck[samples], people, -people)
        votes = pd.DataFrame({"sample_id": samples.astype(str), "variant_a": "x", "variant_b": [f"y{i % 3}" for i in range(90)], "points": (people + 1) / 2})  # fmt: skip
        a = pd.DataFrame({"sample_id": np.arange(30).astype(str), "variant": "x", "cur_score": 0.0})
        b = votes.assign(variant=votes["variant_b"], cur_score=-right)
        scores = pd.concat([a, b[["sample_id", "variant", "cur_score"]]])
        (row,) = metric_table(votes, scores, METRICS, seed, FEW).to_dict("records")
        hits += row["low"] <= 0.7 <= row["high"]
    assert hits >= 60 * 0.95 - 3 * math.sqrt(60 * 0.95 * 0.05)


def test_which_clip_is_called_a_changes_nothing(counted: pd.DataFrame) -> None:
    scores = made_up_scores()
    one, other = (
        metric_table(comparisons(c), scores, METRICS, 0, FEW).sort_values("metric")
        for c in (counted, swapped_sides(counted))
    )
    pd.testing.assert_frame_equal(one, other)


def test_pairs_that_people_leave_open_do_not_count() -> None:
    votes = pd.DataFrame(
        {
            "sample_id": ["s", "s", "t", "u"],
            "variant_a": "x",
            "variant_b": "y",
            "points": [1.0, 0.0, 0.5, 0.0],
        }
    )
    assert decided_pairs(votes).to_numpy().tolist() == [["u", "x", "y", -1.0]]


def test_weights_are_found_and_do_better_on_new_samples(counted: pd.DataFrame) -> None:
    """People follow identity alone; today's weights give noise a share."""
    scores = made_up_scores()
    scores["gme_score"] = 0.6 + 20 * (scores["gme_score"] - 0.6)  # loud noise
    weights, rows = weight_tables(comparisons(counted), scores, WEIGHTS, METRICS, 0, FEW)
    found = weights.set_index("metric")["suggested"]
    assert found.sum() == pytest.approx(sum(WEIGHTS.values())) and (found >= 0).all()
    assert found["cur_score"] > 10 * found["gme_score"] and found["motion_smoothness"] == 0
    held_out = rows.set_index("metric")["agreement"]
    assert held_out[SUGGESTED] > held_out[TODAY] + 0.1
    assert rows["n"].nunique() == 1, "of the same pairs"


def test_noise_is_no_better_on_new_samples() -> None:
    """Fitted to the very pairs, weights of noise look better than chance; held out they do not."""
    rng = np.random.default_rng(1)
    noise, samples = rng.normal(0, 1, (120, 8)), np.repeat([f"s{i}" for i in range(24)], 5)
    held_out = cross_validated(noise, samples, 0)
    assert held_out is not None
    seen = (noise @ fitted_weights(noise) > 0).mean()
    assert seen > 0.55
    assert abs(held_out.mean() - 0.5) < 3 * math.sqrt(0.25 / 120)


def test_no_sample_is_ordered_by_weights_that_it_was_fitted_with() -> None:
    """Each sample's pairs tell their own metric: held out, that is of no use."""
    difference = np.repeat(np.eye(12), 10, axis=0)  # 12 samples, 10 pairs each, 12 metrics
    held_out = cross_validated(difference, np.repeat([f"s{i:02}" for i in range(12)], 10), 0)
    assert held_out is not None and set(held_out) == {0.5}
    assert (difference @ fitted_weights(difference) > 0).all()


@pytest.mark.parametrize("samples, pairs", [(9, 20), (12, 1)], ids=["few samples", "few pairs"])
def test_from_too_little_no_weights_are_suggested(samples: int, pairs: int) -> None:
    names = np.repeat([f"s{i}" for i in range(samples)], pairs)
    difference = np.random.default_rng(0).normal(1, 1, (len(names), 3))
    assert cross_validated(difference, names, 0) is None


def test_no_suggestion_where_a_part_has_no_scores(counted: pd.DataFrame) -> None:
    scores = made_up_scores().drop(columns="gme_score")
    assert [
        len(t) for t in weight_tables(comparisons(counted), scores, WEIGHTS, METRICS, 0, FEW)
    ] == [0, 0]


def test_people_who_like_what_every_metric_dislikes_get_no_weights() -> None:
    assert np.isnan(fitted_weights(-np.abs(np.random.default_rng(0).normal(1, 0.1, (50, 2))))).all()


def test_a_clip_without_scores_is_not_ordered() -> None:
    decided = pd.DataFrame({"sample_id": ["s"], "variant_a": ["x"], "variant_b": ["gone"], "people": [1.0]})  # fmt: skip
    scores = pd.DataFrame({"sample_id": ["s"], "variant": ["x"], "cur_score": [0.4]})
    assert np.isnan(differences(decided, scores, ["cur_score"])).all()
