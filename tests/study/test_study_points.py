"""The paper's score, against a second computation in plain loops, and what must not change it."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpige_kedro.study.points import points, shares, tallies, votes_of, win_table
from tpige_kedro.study.scores import score_table, variants_of
from tpige_kedro.study.votes import about_pairs, comparisons, last_votes, left_out
from voting import pair_list, random_votes, swapped_sides

FEW = 50  # resamples where intervals do not matter


def naive_scores(counted: pd.DataFrame, question: str) -> dict[str, dict[str, float]]:
    """By variant points, wins, draws, losses and votes: one vote after the other, the last of a rater on a pair."""
    last = {}
    for vote in counted.to_dict("records"):
        last[vote["rater"], vote["pair_id"], vote["question"]] = vote
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for vote in last.values():
        if vote["question"] != question or vote["kind"] != "comparison":
            continue
        a, b, answer = vote["variant_a"], vote["variant_b"], vote["answer"]
        if answer == "unsure":
            continue
        for variant, own in ((a, "a"), (b, "b")):
            row = found[variant]
            row["n"] += 1
            row["draws" if answer == "tie" else "wins" if answer == own else "losses"] += 1
            row["points"] += 0.5 if answer == "tie" else 1.0 if answer == own else 0.0
    return found


@pytest.mark.parametrize("seed", range(8))
def test_scores_are_those_of_a_naive_computation(seed: int) -> None:
    counted = random_votes(seed)
    for question in ("overall", "likeness"):
        table = score_table(comparisons(counted, question), 0, FEW).set_index("variant")
        naive = naive_scores(counted, question)
        assert set(table.index) == set(naive)
        for variant, expected in naive.items():
            row = table.loc[variant]
            assert row["points"] == expected["points"]
            assert row["share"] == expected["points"] / expected["n"]
            for name in ("wins", "draws", "losses", "n"):
                assert row[name] == expected[name], (variant, name)


@pytest.mark.parametrize("seed", range(4))
def test_the_win_table_is_that_of_a_naive_computation(seed: int) -> None:
    votes = comparisons(random_votes(seed), "overall")
    names = variants_of(votes)
    found = win_table(tallies(votes, names).sum(0), names)
    naive: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for vote in votes.to_dict("records"):
        a, b = vote["variant_a"], vote["variant_b"]
        place = {"a": 0, "tie": 1, "b": 2}[vote["answer"]]
        naive[a, b][place] += 1
        naive[b, a][2 - place] += 1
    table = {
        (r["variant"], r["against"]): [r["wins"], r["draws"], r["losses"]]
        for r in found.to_dict("records")
    }
    assert table == dict(naive)


def test_the_papers_numbers_are_such_a_score() -> None:
    """Three teams, 3,000 votes, 1258 + 1147.5 + 594.5 points: each team meets each other one equally often."""
    wins, ties = np.zeros((3, 3)), np.zeros((3, 3))
    # 1,000 votes per pair of teams; one solution among many with the published sums
    for i, j, won, drawn in ((0, 1, 520, 5), (0, 2, 730, 11), (1, 2, 665, 10)):
        wins[i, j], wins[j, i], ties[i, j], ties[j, i] = won, 1000 - won - drawn, drawn, drawn
    counts = np.stack([wins, ties])
    assert points(counts).tolist() == [1258, 1147.5, 594.5]
    assert points(counts).sum() == 3000
    assert votes_of(counts).tolist() == [2000, 2000, 2000]
    assert shares(counts).sum() == pytest.approx(1.5)
    assert shares(counts)[0] == 0.629  # "over 60 % of participants": 1258 of 2000


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_points_add_up_to_the_votes(seed: int) -> None:
    votes = comparisons(random_votes(seed, count=40), "overall")
    names = variants_of(votes)
    counts = tallies(votes, names).sum(0)
    assert points(counts).sum() == len(votes)
    assert votes_of(counts).sum() == 2 * len(votes)


def scored(counted: pd.DataFrame) -> pd.DataFrame:
    return score_table(comparisons(counted, "overall"), 3, FEW)


@pytest.mark.parametrize("seed", range(3))
def test_which_clip_is_called_a_changes_nothing(seed: int) -> None:
    counted = random_votes(seed)
    pd.testing.assert_frame_equal(scored(swapped_sides(counted)), scored(counted), rtol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_names_change_nothing(seed: int) -> None:
    """Other names in the same order: of variants, samples and raters."""
    counted = random_votes(seed)
    renamed = counted.assign(
        **{
            c: "x" + counted[c] + "y"
            for c in ("variant_a", "variant_b", "sample_id", "rater", "pair_id")
        }
    )
    found = scored(renamed)
    found["variant"] = found["variant"].str[1:-1]
    pd.testing.assert_frame_equal(found, scored(counted))


def test_unsure_is_no_vote() -> None:
    counted = random_votes(1)
    without = counted[counted["answer"] != "unsure"]
    assert len(without) < len(counted)
    pd.testing.assert_frame_equal(scored(without), scored(counted))


def test_repeats_and_attention_pairs_enter_no_score() -> None:
    counted = random_votes(2)
    more = pd.concat([counted, *(counted.assign(kind=k) for k in ("repeat", "swapped_repeat", "attention"))])  # fmt: skip
    pd.testing.assert_frame_equal(scored(more), scored(counted))


def test_the_last_answer_counts() -> None:
    pairs = pair_list(["x", "y"], 1)
    vote = {"rater": "ada", "pair_id": "p0000", "question": "overall", "left": "a"}
    votes = pd.DataFrame([{**vote, "answer": answer} for answer in ("a", "b", "tie")])
    assert about_pairs(votes, pairs)["points"].tolist() == [0.5]
    other = pd.DataFrame([{**vote, "answer": "unsure"}])
    assert math.isnan(about_pairs(pd.concat([votes, other]), pairs)["points"].item())
    assert len(last_votes(votes.assign(rater=["ada", "bob", "ada"]))) == 2


def test_what_is_left_out_is_counted() -> None:
    pairs = pair_list(["x", "y"], 2)
    rows = [
        ("ada", "p0000", "overall", "a"),
        ("ada", "p0000", "overall", "b"),
        ("ada", "gone", "overall", "a"),
        ("ada", "p0001", "beauty", "a"),
        ("ada", "p0001", "overall", "unsure"),
    ]
    votes = pd.DataFrame(rows, columns=["rater", "pair_id", "question", "answer"])
    assert list(left_out(votes, pairs, ["overall"]).values()) == [1, 1, 1, 1]
    assert left_out(votes[1:2], pairs, ["overall"]) == {}


def test_without_votes_the_tables_are_empty() -> None:
    nothing = comparisons(random_votes(0)[:0])
    assert score_table(nothing, 0, FEW).empty
