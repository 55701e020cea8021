"""Raters by simulation: they see what they are shown as known strengths plus taste, and some of them are biased or careless.

For planning, for tests of the statistics, and for trying a study out before people are asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tpige_kedro.study.bradley_terry import chances
from tpige_kedro.study.votes import POINTS

Array = NDArray[np.float64]

DAMAGE = 10.0  # how much weaker a damaged copy is
ANSWERS = {points: answer for answer, points in POINTS.items()}
START = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = ["rater", "sample_id", "variant_a", "variant_b"]


@dataclass(frozen=True)
class Behaviour:
    """How simulated raters answer.

    Variant v looks as strong as ``strengths[v]``, plus a taste of each rater for v (standard deviation ``rater_spread``), plus
    how well v did on the sample (``sample_spread``). ``ties`` is ν of :mod:`.bradley_terry`. ``left`` adds to the strength of the
    clip on the left, by rater; ``careless`` raters guess, and never tie.
    """

    strengths: Mapping[str, float]
    ties: float = 0.4
    rater_spread: float = 0.0
    sample_spread: float = 0.0
    left: Mapping[str, float] = field(default_factory=dict)
    careless: Sequence[str] = ()


def simulate_points(
    shown: pd.DataFrame, behaviour: Behaviour, left: NDArray[np.bool_], seed: int
) -> Array:
    """The points of clip a, (S, N) of 1, ½ and 0, in S simulated studies in which the same N pairs are shown.

    Args:
        shown: columns ``rater, sample_id, variant_a, variant_b``, and ``damaged`` ("a", "b" or "") if there are attention pairs.
        behaviour: of the raters.
        left: whether clip a stands left, (S, N).
        seed: of raters' and samples' effects and of the answers.
    """
    rng = np.random.default_rng(seed)
    size, variants = len(left), pd.Index(list(behaviour.strengths))
    a, b = (variants.get_indexer(pd.Index(shown[side])) for side in ("variant_a", "variant_b"))
    worth = np.array(list(behaviour.strengths.values()))
    difference = np.broadcast_to(worth[a] - worth[b], left.shape).copy()
    for column, spread in (("rater", behaviour.rater_spread), ("sample_id", behaviour.sample_spread)):  # fmt: skip
        if spread:
            codes = pd.factorize(shown[column])[0]
            effects = rng.normal(0, spread, (size, codes.max() + 1, len(variants)))
            difference += effects[:, codes, a] - effects[:, codes, b]
    if "damaged" in shown:
        difference += DAMAGE * shown["damaged"].map({"a": -1, "b": 1, "": 0}).to_numpy(float)
    bias = shown["rater"].map(dict(behaviour.left)).fillna(0).to_numpy(float)
    difference += np.where(left, bias, -bias)
    win, tie = chances(difference, np.log(np.full(1, behaviour.ties)))
    guesses = shown["rater"].isin(list(behaviour.careless)).to_numpy()
    win, tie = np.where(guesses, 0.5, win), np.where(guesses, 0, tie)
    drawn = rng.random(left.shape)
    return np.where(drawn < win, 1.0, np.where(drawn < win + tie, 0.5, 0.0))


def simulate_votes(
    pairs: pd.DataFrame,
    raters: Sequence[str],
    behaviour: Behaviour,
    seed: int,
    pairs_per_rater: int | None = None,
    questions: Sequence[str] = ("overall",),
) -> pd.DataFrame:
    """The votes of one study, rows as in ``STUDY_VOTES``.

    Args:
        pairs: rows as in ``STUDY_PAIRS``.
        raters: their codes.
        behaviour: how they answer; each question again, with the same strengths.
        seed: of everything that is drawn.
        pairs_per_rater: how many comparisons each is shown (None: all); repeats and attention pairs come on top.
        questions: that each answers about each pair.

    >>> pair = {"pair_id": "p", "sample_id": "s", "variant_a": "x", "variant_b": "y", "damaged": ""}
    >>> pairs = pd.DataFrame([pair | {"kind": "comparison", "repeats": ""}])
    >>> simulate_votes(pairs, ["ada"], Behaviour({"x": 30.0, "y": 0.0}), seed=0).answer.tolist()
    ['a']
    """
    rng = np.random.default_rng([seed, 0])
    dealt = deal(pairs, raters, pairs_per_rater, rng)
    parts = []
    for number, question in enumerate(questions):
        left = _sides(dealt, rng)
        points = simulate_points(dealt, behaviour, left[None], seed + number)[0]
        answers = pd.Series(points).map(ANSWERS)
        sides = np.where(left, "a", "b")
        parts.append(dealt.assign(question=question, answer=answers, left=sides))
    votes = pd.concat(parts, ignore_index=True)
    names = votes[["rater", "pair_id", "question"]].agg(" ".join, axis=1)
    times = [(START + timedelta(seconds=15 * i)).isoformat() for i in range(len(votes))]
    votes = votes.assign(
        vote_id=[str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed} {name}")) for name in names],
        seconds=rng.gamma(4, 3, len(votes)).round(1),
        voted_at=times,
    )
    columns = ["vote_id", "rater", "pair_id", "question", "answer", "left", "seconds", "voted_at"]
    return votes[columns]


def deal(
    pairs: pd.DataFrame,
    raters: Sequence[str],
    pairs_per_rater: int | None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Who is shown what: a row per rater and pair. Comparisons go round, so that all are shown about equally often."""
    comparison = pairs["kind"] == "comparison"
    first, attention = pairs[comparison], pairs[pairs["kind"] == "attention"]
    twice = pairs[~comparison & (pairs["kind"] != "attention")]
    count = min(pairs_per_rater or len(first), len(first))
    order = rng.permutation(len(first))
    checks = -(-len(attention) * count // max(len(first), 1))
    parts = []
    for i, rater in enumerate(raters):
        mine = first.iloc[order[np.arange(i * count, (i + 1) * count) % len(first)]]
        again = twice[twice["repeats"].isin(mine["pair_id"])]
        check = attention.iloc[rng.permutation(len(attention))[:checks]]
        parts.append(pd.concat([mine, again, check]).assign(rater=rater))
    return pd.concat(parts, ignore_index=True)


def _sides(dealt: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether clip a stands left, (N,): at random, on repeats as at first, on swapped repeats the other way round."""
    left = pd.Series(rng.random(len(dealt)) < 0.5, index=dealt.index)
    first = dealt["kind"] == "comparison"
    at_first = pd.Series(
        left[first].to_numpy(), index=pd.MultiIndex.from_frame(dealt.loc[first, ["rater", "pair_id"]])
    )  # fmt: skip
    again = dealt["kind"].isin(["repeat", "swapped_repeat"])
    keys = pd.MultiIndex.from_frame(dealt.loc[again, ["rater", "repeats"]])
    swapped = dealt.loc[again, "kind"] == "swapped_repeat"
    left[again] = at_first.reindex(keys).to_numpy(bool) ^ swapped.to_numpy()
    return left.to_numpy(bool)


def expected_points(difference: float, ties: float, spread: float = 0.0) -> float:
    """The mean points of a clip that is by ``difference`` stronger, over raters and samples whose effects on it have ``spread``.

    >>> expected_points(0.0, 0.4, 1.0), round(expected_points(1.0, 0.4), 3)
    (0.5, 0.671)
    """
    places, weights = np.polynomial.hermite_e.hermegauss(41)
    win, tie = chances(difference + spread * places, np.log(np.full(1, ties)))
    return round(float(((win + tie / 2) * weights).sum() / weights.sum()), 12)
