"""How far raters agree: with each other, with themselves, and whether the side matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tpige_kedro.study.clusters import Estimates, as_shares, clustered

Array = NDArray[np.float64]

LEVELS = np.array([0.0, 0.5, 1.0])  # points of clip a
DISTANCE = (
    LEVELS[:, None] - LEVELS[None, :]
) ** 2  # a win against a tie is a quarter of a win against a loss


def krippendorff_alpha(coincidences: Array) -> Array:
    """Krippendorff's alpha (…,): 1 is perfect agreement, 0 what chance gives, NaN where all answers are the same or alone.

    Answers are 1, ½ or 0 with the squared distance (interval data).

    Args:
        coincidences: (…, 3, 3), how often each two answers met on a pair: sums of :func:`coincidences`.

    Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).

    >>> alike = coincidences(
    ...     pd.DataFrame({"pair_id": ["p", "p", "q", "q"], "points": [1, 1, 0, 0]})
    ... )
    >>> krippendorff_alpha(alike.sum(0)).item()
    1.0
    """
    totals = coincidences.sum(-1)
    n = totals.sum(-1)
    observed = (coincidences * DISTANCE).sum((-1, -2))
    expected = np.einsum("...i,...j,ij->...", totals, totals, DISTANCE) / np.maximum(n - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(expected > 0, 1 - observed / expected, np.nan))


def coincidences(votes: pd.DataFrame) -> Array:
    """Of each pair, how often two answers of different raters met on it: (U, 3, 3) for 0, ½, 1; pairs in the order of their ids.

    Each pair counts once as it is and once with a and b exchanged, because which clip is called a means nothing.

    Args:
        votes: columns ``pair_id`` and ``points``; of one question, one vote per rater and pair.
    """
    codes, _ = pd.factorize(votes["pair_id"], sort=True)
    counts = np.zeros((codes.max() + 1 if len(codes) else 0, len(LEVELS)))
    np.add.at(counts, (codes, (2 * votes["points"]).to_numpy(int)), 1)
    met = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(LEVELS))
    others = np.maximum(counts.sum(1) - 1, 1)
    found = met / others[:, None, None]
    return np.asarray(found + found[:, ::-1, ::-1])


def alpha_between_raters(votes: pd.DataFrame, seed: int, resamples: int, confidence: float) -> Estimates:  # fmt: skip
    """Krippendorff's alpha of the comparisons of one question; the interval, within [-1, 1], is over samples."""
    units = votes[["pair_id", "sample_id"]].drop_duplicates("pair_id").sort_values("pair_id")
    found = clustered(
        coincidences(votes),
        [units["sample_id"]],
        lambda sums: krippendorff_alpha(sums)[:, None],
        seed,
        resamples,
        confidence,
    )
    return replace(found, low=found.low.clip(-1, 1), high=found.high.clip(-1, 1))


def repeated_answers(counted: pd.DataFrame) -> pd.DataFrame:
    """The pairs that a rater answered twice: ``rater, question, sample_id, kind`` of the second, and whether both are the ``same``.

    Answers are the same if they prefer the same variant or both tie; "unsure" is no answer.

    Args:
        counted: votes beside their pairs, see :func:`.votes.about_pairs`.

    >>> both = {
    ...     "rater": "ada",
    ...     "question": "overall",
    ...     "sample_id": "s",
    ...     "variant_a": "x",
    ...     "variant_b": "y",
    ... }
    >>> first = both | {"pair_id": "p", "repeats": "", "kind": "comparison", "points": 1.0}
    >>> again = both | {"pair_id": "q", "repeats": "p", "kind": "repeat", "points": 0.5}
    >>> repeated_answers(pd.DataFrame([first, again])).same.tolist()
    [False]
    """
    given = counted[counted["points"].notna()]
    given = given.assign(preferred=preferred(given))
    again = given[given["kind"].isin(["repeat", "swapped_repeat"])]
    first = given.loc[given["kind"] == "comparison", ["rater", "question", "pair_id", "preferred"]]
    both = again.merge(
        first,
        left_on=["rater", "question", "repeats"],
        right_on=["rater", "question", "pair_id"],
        suffixes=("", "_first"),
    )
    columns = ["rater", "question", "sample_id", "kind", "same"]
    return both.assign(same=both["preferred"] == both["preferred_first"])[columns]


def preferred(counted: pd.DataFrame) -> pd.Series:
    """The variant that each vote prefers; the empty text for a tie and for "unsure".

    >>> vote = {"variant_a": ["x"], "variant_b": ["y"], "points": [0.0]}
    >>> preferred(pd.DataFrame(vote)).tolist()
    ['y']
    """
    chosen = np.select(
        [counted["points"] == 1, counted["points"] == 0],
        [counted["variant_a"], counted["variant_b"]],
        default="",
    )
    return pd.Series(chosen, index=counted.index, dtype=object)


def side_answers(counted: pd.DataFrame) -> pd.DataFrame:
    """The decided comparisons: ``rater, question, sample_id`` and whether the answer was the clip on the ``left``.

    Sides are random, so that half of the answers are left if the side does not matter, whatever the clips are.

    >>> vote = {"rater": "ada", "question": "overall", "sample_id": "s", "kind": "comparison"}
    >>> vote |= {"points": 0.0, "answer": "b", "left": "b"}
    >>> side_answers(pd.DataFrame([vote])).left.tolist()
    [True]
    """
    decided = counted[(counted["kind"] == "comparison") & counted["points"].isin([0.0, 1.0])]
    columns = ["rater", "question", "sample_id", "left"]
    return decided.assign(left=decided["answer"] == decided["left"])[columns]


def answers_beside_others(counted: pd.DataFrame) -> pd.DataFrame:
    """The decided comparisons that others decided too: ``rater, question, sample_id``, and how far the others ``agree``, 0 to 1.

    The others' answers to the pair are its majority: 1 if it prefers the same clip, 0 if the other one, ½ if neither.

    >>> vote = {"question": "overall", "sample_id": "s", "pair_id": "p", "kind": "comparison"}
    >>> votes = [vote | {"rater": r, "points": p} for r, p in (("ada", 1), ("bob", 1), ("cid", 0))]
    >>> answers_beside_others(pd.DataFrame(votes)).agree.tolist()
    [0.5, 0.5, 0.0]
    """
    votes = counted[(counted["kind"] == "comparison") & counted["points"].isin([0.0, 1.0])]
    sign = 2 * votes["points"] - 1
    groups = [votes["question"], votes["pair_id"]]
    others = sign.groupby(groups).transform("sum") - sign
    alone = sign.groupby(groups).transform("size") < 2
    agree = (1 + np.sign(others * sign)) / 2
    return votes.assign(agree=agree)[~alone][["rater", "question", "sample_id", "agree"]]


def share(
    answers: pd.DataFrame, column: str, seed: int, resamples: int, confidence: float
) -> Estimates:
    """The mean of a column of 0 to 1 with its interval over raters and samples, within [0, 1]."""
    value = answers[column].to_numpy(float)
    found = clustered(
        np.stack([value, np.ones(len(value))], axis=1),
        [answers["rater"], answers["sample_id"]],
        mean,
        seed,
        resamples,
        confidence,
    )
    return as_shares(found, confidence)


def mean(sums: Array) -> Array:
    """Sums (B, 2) of values and of counts to means (B, 1); NaN where there are none.

    >>> mean(np.array([[3.0, 4.0]])).tolist()
    [[0.75]]
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(sums[:, :1] / sums[:, 1:])
