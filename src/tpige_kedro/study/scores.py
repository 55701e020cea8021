"""The results of a study as tables: scores and strengths with intervals, who beat whom, and how far raters agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tpige_kedro.seeds import derive_seed
from tpige_kedro.study import agreement
from tpige_kedro.study.bradley_terry import is_connected, strengths_of_many
from tpige_kedro.study.clusters import CONFIDENCE, RESAMPLES, Estimates, as_shares, clustered
from tpige_kedro.study.points import points, shares, tallies, votes_of, win_table
from tpige_kedro.study.raters import attention_answers
from tpige_kedro.study.votes import comparisons

SCORE_COLUMNS = [
    "question", "variant", "raters", "points", "share", "low", "high", "strength", "strength_low", "strength_high",
    "wins", "draws", "losses", "n",
]  # fmt: skip
AGREEMENT_COLUMNS = ["question", "raters", "measure", "value", "low", "high", "n", "p"]
WIN_COLUMNS = ["question", "raters", "variant", "against", "wins", "draws", "losses", "n"]


def variants_of(votes: pd.DataFrame) -> list[str]:
    """The names of the variants that votes are about, in alphabetical order.

    >>> variants_of(pd.DataFrame({"variant_a": ["y", "z"], "variant_b": ["x", "x"]}))
    ['x', 'y', 'z']
    """
    return sorted({*votes["variant_a"], *votes["variant_b"]})


def score_table(
    votes: pd.DataFrame, seed: int, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Scores of one question, the best variant first.

    Args:
        votes: columns ``rater, sample_id, variant_a, variant_b, points``, see :func:`.votes.comparisons`.
        seed, resamples, confidence: of the intervals, which are over raters and samples, see :mod:`.clusters`.

    Returns:
        ``variant``; ``points`` as the paper counts them; ``share`` of its votes in [0, 1] with ``low`` and ``high``;
        ``strength`` (see :func:`.bradley_terry.strengths`) with ``strength_low`` and ``strength_high``; ``wins, draws, losses, n``.

    >>> pair = {"sample_id": "s", "variant_a": "x", "variant_b": "y"}
    >>> votes = pd.DataFrame(
    ...     [pair | {"rater": r, "points": p} for r, p in (("ada", 1), ("bob", 0.5))]
    ... )
    >>> score_table(votes, seed=0)[["variant", "points", "share"]].values.tolist()
    [['x', 1.5, 0.75], ['y', 0.5, 0.25]]
    """
    variants = variants_of(votes)
    if not variants:
        return pd.DataFrame(columns=[c for c in SCORE_COLUMNS if c not in ("question", "raters")])
    added = tallies(votes, variants)
    counts = added.sum(0)
    size = len(variants)

    def both(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([shares(sums), strengths_of_many(sums)], axis=1)

    found = clustered(
        added, [votes["rater"], votes["sample_id"]], both, seed, resamples, confidence
    )
    scores = as_shares(found.first(size), confidence)
    comparable = 1.0 if is_connected(counts) else np.nan
    table = pd.DataFrame(
        {
            "variant": variants,
            "points": points(counts),
            "share": found.value[:size],
            "low": scores.low,
            "high": scores.high,
            "strength": comparable * found.value[size:],
            "strength_low": comparable * found.low[size:],
            "strength_high": comparable * found.high[size:],
            "wins": counts[0].sum(1).astype(int),
            "draws": counts[1].sum(1).astype(int),
            "losses": counts[0].sum(0).astype(int),
            "n": votes_of(counts).astype(int),
        }
    )
    return table.sort_values(["share", "variant"], ascending=[False, True], ignore_index=True)


def agreement_table(
    counted: pd.DataFrame, seed: int, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """How far raters agree on one question: ``measure, value, low, high, n, p``, a row per measure.

    ``krippendorff_alpha`` between raters; ``with_others``: how often a vote agrees with the majority of the others, to compare
    metrics with: one that agrees as often is as good as one more rater; ``same_again`` and ``same_swapped``: the same answer to a
    repeated pair; ``left``: share of answers for the clip on the left, with p against ½; ``attention``: share of attention pairs
    answered correctly.
    ``n`` counts votes.
    """
    votes = comparisons(counted)
    again = agreement.repeated_answers(counted)
    parts: list[tuple[str, pd.DataFrame, str]] = [
        ("with_others", agreement.answers_beside_others(counted), "agree"),
        ("same_again", again[again["kind"] == "repeat"], "same"),
        ("same_swapped", again[again["kind"] == "swapped_repeat"], "same"),
        ("left", agreement.side_answers(counted), "left"),
    ]
    alpha = agreement.alpha_between_raters(votes, seed, resamples, confidence)
    rows = [_row("krippendorff_alpha", alpha, len(votes))]
    for name, answers, column in parts:
        found = agreement.share(answers, column, derive_seed(seed, name), resamples, confidence)
        rows.append(_row(name, found, len(answers), against_half=name == "left"))
    correct = attention_answers(counted)["correct"]
    rows.append({"measure": "attention", "value": correct.mean(), "n": len(correct)})
    return pd.DataFrame(rows).reindex(columns=AGREEMENT_COLUMNS[2:])


def _row(name: str, found: Estimates, n: int, against_half: bool = False) -> dict[str, object]:
    value, error, low, high = (float(x[0]) for x in (found.value, found.error, found.low, found.high))  # fmt: skip
    row = {"measure": name, "value": value, "low": low, "high": high, "n": n}
    return {**row, "p": _p_value(value - 0.5, error, found.clusters - 1)} if against_half else row


def _p_value(difference: float, error: float, freedom: int) -> float:
    """The two-sided p value of "no difference" by the t distribution; NaN without a standard error."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(difference) / error)) if error > 0 else float("nan")


def by_question(
    counted: pd.DataFrame, raters: pd.DataFrame, questions: Sequence[str], seed: int, resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """``scores``, ``wins`` and ``agreement`` of all questions, with all raters and with those that are kept.

    Args:
        counted: votes beside their pairs, see :func:`.votes.about_pairs`.
        raters: see :func:`.raters.rater_table`.
        questions: in the order of the tables.
        seed, resamples, confidence: of the intervals.
    """
    kept = set(raters.loc[raters["kept"], "rater"])
    found: dict[str, list[pd.DataFrame]] = {"scores": [], "wins": [], "agreement": []}
    for question in questions:
        for who in ("all", "kept"):
            mine = counted[counted["question"] == question]
            mine = mine[mine["rater"].isin(kept)] if who == "kept" else mine
            votes = comparisons(mine)
            if votes.empty:
                continue
            options = (derive_seed(seed, question), resamples, confidence)
            variants = variants_of(votes)
            tables = {
                "scores": score_table(votes, *options),
                "wins": win_table(tallies(votes, variants).sum(0), variants),
                "agreement": agreement_table(mine, *options),
            }
            for name, table in tables.items():
                found[name].append(table.assign(question=question, raters=who))
    columns = {"scores": SCORE_COLUMNS, "wins": WIN_COLUMNS, "agreement": AGREEMENT_COLUMNS}
    return {name: _joined(parts, columns[name]) for name, parts in found.items()}


def _joined(parts: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
