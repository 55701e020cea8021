"""One row per rater: how much they answered, whether they paid attention, and whom the results leave out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tpige_kedro.metrics.statistics import holm
from tpige_kedro.study.agreement import answers_beside_others, repeated_answers, side_answers

SIDED = 0.05  # p after Holm's correction up to which a rater is said to prefer a side


def attention_answers(counted: pd.DataFrame) -> pd.DataFrame:
    """The answers to attention pairs: ``rater, question``, and whether they are ``correct``: the clip that is not damaged.

    A tie is not correct; "unsure" is no answer.
    """
    asked = counted[(counted["kind"] == "attention") & counted["points"].notna()]
    whole = asked["damaged"].map({"a": "b", "b": "a"})
    return asked.assign(correct=asked["answer"] == whole)[["rater", "question", "correct"]]


def rater_table(counted: pd.DataFrame, minimum_attention: float) -> pd.DataFrame:
    """What is known of each rater, over all questions.

    Args:
        counted: votes beside their pairs, see :func:`.votes.about_pairs`.
        minimum_attention: the share of attention pairs, in [0, 1], that has to be answered correctly. Whoever answered fewer
            is left out; whoever answered none is kept, since nothing speaks against them.

    Returns:
        ``rater, votes`` (on comparisons), ``unsure, attention`` (how many were answered) and ``attention_correct`` (share),
        ``repeats`` and ``repeats_same`` (share), ``with_others`` (share, see :func:`.agreement.answers_beside_others`),
        ``left`` (share of decided answers), its two-sided binomial ``left_p`` and ``left_p_holm`` against ½, ``prefers`` ("left",
        "right" or ""), ``seconds`` (median per answer), ``kept``. Shares are NaN where there is nothing to divide by.
    """
    found = pd.DataFrame(index=pd.Index(sorted(counted["rater"].unique()), name="rater"))
    compared = counted[counted["kind"] == "comparison"].groupby("rater")["points"]
    found["votes"] = compared.count()
    found["unsure"] = counted["points"].isna().groupby(counted["rater"]).sum()
    for name, answers, column in (
        ("attention", attention_answers(counted), "correct"),
        ("repeats", repeated_answers(counted), "same"),
    ):
        by_rater = answers.astype({column: float}).groupby("rater")[column]
        found[name] = by_rater.count()
        found[f"{name}_{column}"] = by_rater.mean()
    beside = answers_beside_others(counted)
    found["with_others"] = beside.groupby("rater")["agree"].mean()
    found = found.join(_sides(counted))
    found["seconds"] = counted.groupby("rater")["seconds"].median()
    found["kept"] = ~(found["attention_correct"] < minimum_attention)
    counts = ["votes", "unsure", "attention", "repeats"]
    found[counts] = found[counts].fillna(0).astype(int)
    return found.reset_index()


def _sides(counted: pd.DataFrame) -> pd.DataFrame:
    """By rater: ``left, left_p, left_p_holm, prefers``."""
    from scipy.stats import binomtest

    by_rater = side_answers(counted).astype({"left": int}).groupby("rater")["left"]
    sides = pd.DataFrame({"left": by_rater.mean()})
    counts = zip(by_rater.sum(), by_rater.count(), strict=True)
    sides["left_p"] = [float(binomtest(int(k), int(n)).pvalue) for k, n in counts]
    sides["left_p_holm"] = holm(sides["left_p"].tolist())
    direction = np.where(sides["left"] > 0.5, "left", "right")
    sides["prefers"] = np.where(sides["left_p_holm"] <= SIDED, direction, "")
    everyone = pd.Index(sorted(counted["rater"].unique()), name="rater")
    return sides.reindex(everyone).fillna({"prefers": ""})
