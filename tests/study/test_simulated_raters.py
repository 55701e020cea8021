"""Simulated raters behave as they were told to, and leave votes like people's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tpige_kedro.schemas.tables import STUDY_VOTES
from tpige_kedro.study.simulated import Behaviour, expected_points, simulate_points, simulate_votes
from voting import STRONG, pair_list

PAIRS = pair_list(list(STRONG), 8, repeats=6, swapped=6, attention=6)
RATERS = ["ada", "bob", "cid"]


def test_their_votes_are_votes() -> None:
    votes = simulate_votes(PAIRS, RATERS, Behaviour(STRONG), 0, questions=["overall", "likeness"])
    STUDY_VOTES.validate(votes)
    assert len(votes) == 2 * 3 * len(PAIRS)
    pd.testing.assert_frame_equal(
        votes,
        simulate_votes(PAIRS, RATERS, Behaviour(STRONG), 0, questions=["overall", "likeness"]),
    )
    assert set(votes["vote_id"]).isdisjoint(
        simulate_votes(PAIRS, RATERS, Behaviour(STRONG), 1)["vote_id"]
    )


def test_repeats_show_the_same_sides_and_swapped_ones_the_others() -> None:
    votes = simulate_votes(PAIRS, RATERS, Behaviour(STRONG), 0).merge(PAIRS, on="pair_id")
    first = votes.set_index(["rater", "pair_id"])["left"]
    for kind, same in (("repeat", True), ("swapped_repeat", False)):
        again = votes[votes["kind"] == kind]
        sides = first.loc[list(zip(again["rater"], again["repeats"], strict=True))].to_numpy()
        assert ((again["left"].to_numpy() == sides) == same).all() and len(again) == 18


def test_comparisons_are_dealt_evenly_and_repeats_come_with_what_they_repeat() -> None:
    votes = simulate_votes(PAIRS, [f"r{i}" for i in range(8)], Behaviour(STRONG), 0, 12)
    votes = votes.merge(PAIRS, on="pair_id")
    shown = votes[votes["kind"] == "comparison"]
    assert shown.groupby("rater").size().eq(12).all()
    assert shown["pair_id"].value_counts().eq(2).all()  # 8 x 12 of 48 pairs
    known = set(zip(shown["rater"], shown["pair_id"], strict=True))
    again = votes[votes["repeats"] != ""]
    assert set(zip(again["rater"], again["repeats"], strict=True)) <= known
    assert votes[votes["kind"] == "attention"].groupby("rater").size().ge(1).all()


@pytest.mark.parametrize("difference, spread", [(0.0, 0.0), (1.2, 0.0), (0.8, 0.9)])
def test_points_are_those_expected(difference: float, spread: float) -> None:
    count = 40
    shown = pd.DataFrame({"rater": "ada", "sample_id": [f"s{i}" for i in range(count)], "variant_a": "x", "variant_b": "y"})  # fmt: skip
    behaviour = Behaviour({"x": difference, "y": 0.0}, 0.4, sample_spread=spread / np.sqrt(2))
    points = simulate_points(shown, behaviour, np.zeros((500, count), bool), 0)
    expected = expected_points(difference, 0.4, spread)
    assert points.mean() == pytest.approx(expected, abs=3 * 0.5 / np.sqrt(points.size))


def test_careless_raters_guess_and_never_tie() -> None:
    votes = simulate_votes(PAIRS, RATERS, Behaviour(STRONG, 2.0, careless=["bob"]), 0)
    ties = (votes["answer"] == "tie").groupby(votes["rater"]).mean()
    assert ties["bob"] == 0 and ties["ada"] > 0.2
