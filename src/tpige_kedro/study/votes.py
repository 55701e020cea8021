"""Which votes count, and what each says about its pair.

Raters may change an answer, answer "can't say", and see some pairs twice; a study may lose a pair after votes about it were given.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

POINTS = {"a": 1.0, "tie": 0.5, "b": 0.0}  # of clip a; "unsure" is no vote
ABOUT_PAIRS = ["pair_id", "sample_id", "variant_a", "variant_b", "kind", "repeats", "damaged"]
KEY = ["rater", "pair_id", "question"]


def last_votes(votes: pd.DataFrame) -> pd.DataFrame:
    """The votes that count: the last of each rater, pair and question, in the order of the table.

    Args:
        votes: rows as in ``STUDY_VOTES``; a row further down was given later.

    >>> given = [("ada", "p1", "overall", "a"), ("ada", "p1", "overall", "tie")]
    >>> last_votes(pd.DataFrame(given, columns=[*KEY, "answer"])).answer.tolist()
    ['tie']
    """
    return votes.drop_duplicates(KEY, keep="last").reset_index(drop=True)


def about_pairs(votes: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Votes beside the pairs that they are about, with ``points`` of clip a: 1, ½ or 0, NaN for "unsure" (paper section 4).

    Votes about a pair that is not in ``pairs`` are left out: :func:`left_out` counts them.

    Args:
        votes: rows as in ``STUDY_VOTES``.
        pairs: rows as in ``STUDY_PAIRS``.

    Returns:
        The columns of both tables but for the names of clips, a row per vote that counts.

    >>> pairs = pd.DataFrame([["p", "s", "x", "y", "comparison", "", ""]], columns=ABOUT_PAIRS)
    >>> vote = pd.DataFrame([["ada", "p", "overall", "b"]], columns=[*KEY, "answer"])
    >>> about_pairs(vote, pairs)[["variant_a", "variant_b", "points"]].values.tolist()
    [['x', 'y', 0.0]]
    """
    joined = last_votes(votes).merge(pairs[ABOUT_PAIRS], on="pair_id", how="inner")
    return joined.assign(points=joined["answer"].map(POINTS).astype(float))


def comparisons(counted: pd.DataFrame, question: str | None = None) -> pd.DataFrame:
    """The votes that enter scores: on pairs of the kind ``comparison``, decided or tied, about one question or all.

    >>> kinds = ["comparison", "comparison", "attention"]
    >>> len(comparisons(pd.DataFrame({"kind": kinds, "points": [1.0, None, 0.0]})))
    1
    """
    kept = (counted["kind"] == "comparison") & counted["points"].notna()
    return counted[kept if question is None else kept & (counted["question"] == question)]


def left_out(
    votes: pd.DataFrame, pairs: pd.DataFrame, questions: Collection[str]
) -> dict[str, int]:
    """How many votes do not count, by the reason in words; reasons that no vote has are not there.

    >>> votes = pd.DataFrame(
    ...     {"rater": "ada", "pair_id": ["p1", "p9"], "question": "overall", "answer": "a"}
    ... )
    >>> left_out(votes, pd.DataFrame({"pair_id": ["p1"]}), ["overall"])
    {'about pairs that are not in the study (any more)': 1}
    """
    counting = last_votes(votes)
    asked = counting["question"].isin(list(questions))
    known = counting["pair_id"].isin(pairs["pair_id"])
    counts = {
        "changed by the rater later": len(votes) - len(counting),
        "about pairs that are not in the study (any more)": int((~known).sum()),
        "about questions that the study does not ask (any more)": int((known & ~asked).sum()),
        '"can\'t say"': int((known & asked & (counting["answer"] == "unsure")).sum()),
    }
    return {reason: count for reason, count in counts.items() if count}
