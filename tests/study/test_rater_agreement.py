"""Agreement: alpha against evalica and a naive computation; raters who guess, prefer a side, or change their mind."""

from __future__ import annotations

import math
from itertools import permutations

import evalica
import numpy as np
import pandas as pd
import pytest

from tpige_kedro.study.agreement import (
    alpha_between_raters,
    answers_beside_others,
    coincidences,
    krippendorff_alpha,
    repeated_answers,
    side_answers,
)
from tpige_kedro.study.raters import rater_table
from tpige_kedro.study.scores import agreement_table, by_question, score_table
from tpige_kedro.study.simulated import Behaviour
from tpige_kedro.study.votes import comparisons
from voting import STRONG, pair_list, random_votes, simulated, swapped_sides

FEW = 60


def both_ways(votes: pd.DataFrame) -> dict[tuple[str, str], dict[str, float]]:
    """By pair, as it is and with a and b exchanged, the points that each rater gave."""
    units: dict[tuple[str, str], dict[str, float]] = {}
    for vote in votes.to_dict("records"):
        units.setdefault((vote["pair_id"], "as it is"), {})[vote["rater"]] = vote["points"]
        units.setdefault((vote["pair_id"], "exchanged"), {})[vote["rater"]] = 1 - vote["points"]
    return units


def naive_alpha(votes: pd.DataFrame) -> float:
    """Disagreement within pairs over disagreement between any two answers, term by term."""
    units = [list(u.values()) for u in both_ways(votes).values() if len(u) > 1]
    answers = [x for unit in units for x in unit]
    within = sum((x - y) ** 2 / (len(u) - 1) for u in units for x, y in permutations(u, 2))
    between = sum((x - y) ** 2 for x, y in permutations(answers, 2))
    return 1 - (within / len(answers)) / (between / (len(answers) * (len(answers) - 1)))


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_that_of_evalica_and_of_a_naive_computation(seed: int) -> None:
    votes = comparisons(random_votes(seed, samples=3, count=120), "overall")
    found = krippendorff_alpha(coincidences(votes).sum(0)).item()
    ratings = pd.DataFrame(both_ways(votes))  # raters x pairs
    theirs = evalica.alpha(ratings, distance="interval").alpha
    assert found == pytest.approx(theirs, abs=1e-9)
    assert found == pytest.approx(naive_alpha(votes), abs=1e-9)


def test_alpha_does_not_depend_on_which_clip_is_called_a() -> None:
    counted = random_votes(3)
    one, other = (
        krippendorff_alpha(coincidences(comparisons(c, "overall")).sum(0))
        for c in (counted, swapped_sides(counted))
    )
    assert one == pytest.approx(other, abs=1e-12)


def test_alpha_of_people_who_agree_of_guesses_and_of_nobody() -> None:
    pairs = pair_list(list(STRONG), 8)
    sure = {name: 20 * value for name, value in STRONG.items()}
    agreed = simulated(Behaviour(sure, 0.01), pairs, 5)
    guessed = simulated(Behaviour(STRONG, careless=[f"r{i:02}" for i in range(5)]), pairs, 5)
    assert alpha_between_raters(comparisons(agreed), 0, FEW, 0.95).value[0] > 0.95
    found = alpha_between_raters(comparisons(guessed), 0, FEW, 0.95)
    assert found.low[0] < 0 < found.high[0] < 0.25
    alone = comparisons(agreed[agreed["rater"] == "r00"])
    assert math.isnan(alpha_between_raters(alone, 0, FEW, 0.95).value[0])


def test_a_repeat_is_the_same_if_it_prefers_the_same_variant() -> None:
    pairs = pair_list(["x", "y"], 3, repeats=1, swapped=1)  # p0003 repeats p0000, p0004 p0001
    pairs.loc[4, ["variant_a", "variant_b"]] = pairs.loc[4, ["variant_b", "variant_a"]].to_numpy()
    answers = {"p0000": "a", "p0003": "a", "p0001": "a", "p0004": "b"}
    rows = [("ada", name, "overall", answer, "a", 4.0) for name, answer in answers.items()]
    votes = pd.DataFrame(rows, columns=["rater", "pair_id", "question", "answer", "left", "seconds"])  # fmt: skip
    counted = votes.merge(pairs, on="pair_id").assign(points=[1.0, 1.0, 1.0, 0.0])
    assert repeated_answers(counted)[["kind", "same"]].to_numpy().tolist() == [
        ["repeat", True],
        ["swapped_repeat", True],  # b of the second is a of the first
    ]
    counted.loc[1, ["answer", "points"]] = ["tie", 0.5]
    assert repeated_answers(counted)["same"].tolist() == [False, True]
    counted.loc[1, ["answer", "points"]] = ["unsure", np.nan]
    assert repeated_answers(counted)["kind"].tolist() == ["swapped_repeat"]


def test_self_agreement_of_sure_people_is_perfect_and_of_guessers_half() -> None:
    pairs = pair_list(list(STRONG), 10, repeats=25, swapped=25)
    sure = {name: 20 * value for name, value in STRONG.items()}
    careless = [f"r{i:02}" for i in range(4, 8)]
    found = repeated_answers(simulated(Behaviour(sure, 0.01, careless=careless), pairs, 8))
    same = found.groupby(found["rater"].isin(careless))["same"].mean()
    assert same[False] > 0.95
    assert same[True] == pytest.approx(0.5, abs=3 * np.sqrt(0.25 / 200))


def test_swapped_repeats_show_who_goes_by_the_side() -> None:
    pairs = pair_list(list(STRONG), 10, repeats=20, swapped=20)
    found = repeated_answers(simulated(Behaviour(STRONG, left={"r00": 50.0}), pairs, 1))
    same = found.groupby("kind")["same"].mean()
    assert same["repeat"] == 1 and same["swapped_repeat"] == 0


def test_a_rater_who_prefers_a_side_is_found_and_no_other() -> None:
    pairs = pair_list(list(STRONG), 12, attention=6)
    table = rater_table(simulated(Behaviour(STRONG, left={"r03": 1.5, "r07": -1.5}), pairs, 12), 0)
    found = table.set_index("rater")["prefers"]
    assert found[found != ""].to_dict() == {"r03": "left", "r07": "right"}


def test_honest_raters_are_rarely_said_to_prefer_a_side() -> None:
    """One p value in twenty is below 0.05 at most (3 standard deviations above that among 100 raters), and none after correction."""
    counted = simulated(Behaviour(STRONG), pair_list(list(STRONG), 5), 100, seed=2)
    table = rater_table(counted, 0)
    assert (table["left_p"] <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    assert (table["prefers"] == "").all()


def test_a_side_that_matters_to_all_shows_in_the_share_of_left_answers() -> None:
    pairs = pair_list(list(STRONG), 12)
    everybody = {f"r{i:02}": 0.4 for i in range(8)}
    for left, matters in ((everybody, True), ({}, False)):
        counted = simulated(Behaviour(STRONG, left=left), pairs, 8)
        row = agreement_table(counted, 0, FEW).set_index("measure").loc["left"]
        assert (row["low"] > 0.5) == matters and (row["p"] < 0.05) == matters
        assert row["n"] == len(side_answers(counted))


def test_careless_raters_are_found_and_left_out() -> None:
    pairs = pair_list(list(STRONG), 12, attention=12)
    careless = ["r01", "r05", "r06"]
    counted = simulated(Behaviour(STRONG, careless=careless), pairs, 10)
    table = rater_table(counted, 0.9)
    assert table.loc[~table["kept"], "rater"].tolist() == careless
    assert table.loc[table["kept"], "attention_correct"].min() >= 0.9
    assert table.set_index("rater")["with_others"].nsmallest(3).index.isin(careless).all()

    found = by_question(counted, table, ["overall"], 0, FEW)
    scores = found["scores"].set_index(["raters", "variant"])
    honest = counted[~counted["rater"].isin(careless)]
    expected = score_table(comparisons(honest), 0, FEW).set_index("variant")
    assert scores.loc["kept", "points"].to_dict() == expected["points"].to_dict()
    assert scores.loc["all", "n"].sum() == 2 * len(comparisons(counted))
    best = scores.loc[("kept", "vace_pe_ge"), "share"], scores.loc[("all", "vace_pe_ge"), "share"]
    assert best[0] > best[1], "guesses draw scores to one half"


def test_the_rule_of_attention() -> None:
    pairs = pair_list(["x", "y"], 4, attention=4)  # damaged: a, b, a, b

    def rater(name: str, answers: list[str]) -> pd.DataFrame:
        names = pairs.loc[pairs["kind"] == "attention", "pair_id"]
        votes = pd.DataFrame({"pair_id": names, "answer": answers, "rater": name})
        votes = votes.assign(question="overall", left="a", seconds=4.0)
        points = votes["answer"].map({"a": 1.0, "tie": 0.5, "b": 0.0})
        return votes.merge(pairs, on="pair_id").assign(points=points.to_numpy())

    given = {
        "all": ["b", "a", "b", "a"],
        "half": ["b", "a", "a", "b"],
        "just": ["b", "a", "b", "b"],
        "tied": ["tie", "tie", "b", "a"],
        "unsure": ["b", "unsure", "unsure", "unsure"],
        "no answer": ["unsure"] * 4,
    }
    counted = pd.concat([rater(name, answers) for name, answers in given.items()])
    table = rater_table(counted, 0.75).set_index("rater")
    assert table["attention_correct"].drop("no answer").to_dict() == {
        "all": 1.0, "half": 0.5, "just": 0.75, "tied": 0.5, "unsure": 1.0,
    }  # fmt: skip
    assert table["attention"].to_dict() == {
        "all": 4, "half": 4, "just": 4, "tied": 4, "unsure": 1, "no answer": 0,
    }  # fmt: skip
    assert set(table.index[~table["kept"]]) == {"half", "tied"}
    assert table["unsure"].to_dict()["no answer"] == 4


def test_a_vote_beside_the_others_is_that_of_a_naive_computation() -> None:
    votes = comparisons(random_votes(5, samples=3), "overall")
    decided = votes[votes["answer"].isin(["a", "b"])].to_dict("records")
    expected = []
    for vote in decided:
        others = [v["answer"] for v in decided if v["pair_id"] == vote["pair_id"] and v is not vote]
        if others:
            same, n = others.count(vote["answer"]), len(others)
            expected.append(1.0 if same > n / 2 else 0.0 if same < n / 2 else 0.5)
    found = answers_beside_others(votes)["agree"]
    assert sorted(found) == sorted(expected) and len(set(expected)) == 3


def test_without_repeats_and_attention_pairs_nothing_fails() -> None:
    counted = simulated(Behaviour(STRONG), pair_list(list(STRONG), 3), 2)
    table = agreement_table(counted, 0, FEW).set_index("measure")
    assert table.loc[["same_again", "same_swapped", "attention"], "value"].isna().all()
    assert table.loc["same_again", "n"] == 0
    raters = rater_table(counted, 0.75)
    assert raters["kept"].all() and raters["attention"].eq(0).all()
    nothing = by_question(counted[:0], rater_table(counted[:0], 0.75), ["overall"], 0, FEW)
    assert [len(table) for table in nothing.values()] == [0, 0, 0]
