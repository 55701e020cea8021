"""The paper's score of a user study, 1 for a win, ½ for a draw, 0 for a loss, and the tables of wins and ties behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def tallies(votes: pd.DataFrame, variants: Sequence[str]) -> Array:
    """What each vote adds to the tables of wins and ties, (N, 2, K, K) for N votes and K variants.

    ``[n, 0, i, j]`` is 1 if vote n says that i is better than j; ``[n, 1, i, j]`` and ``[n, 1, j, i]`` are 1 if it is a tie of both.

    Args:
        votes: columns ``variant_a, variant_b, points`` (1, ½ or 0 of a), as :func:`.votes.comparisons` returns them.
        variants: the names of the K variants; a vote may name no others.

    >>> vote = pd.DataFrame({"variant_a": ["x"], "variant_b": ["y"], "points": [0.0]})
    >>> tallies(vote, ["x", "y"])[0, 0].tolist()  # y is better than x
    [[0.0, 0.0], [1.0, 0.0]]
    """
    place = pd.Index(variants)
    a, b = (place.get_indexer(pd.Index(votes[side])) for side in ("variant_a", "variant_b"))
    points, rows = votes["points"].to_numpy(float), np.arange(len(votes))
    found = np.zeros((len(votes), 2, len(variants), len(variants)))
    found[rows, 0, a, b] = points == 1
    found[rows, 0, b, a] = points == 0
    found[rows, 1, a, b] = found[rows, 1, b, a] = points == 0.5
    return found


def points(counts: Array) -> Array:
    """The score of each variant as a sum, (…, K), from tables of wins and ties (…, 2, K, K): 1 a win, ½ a draw, 0 a loss.

    Over all variants it adds up to the number of votes. Source: paper section 4, "User Study": 1258 + 1147.5 + 594.5 = 3000.

    >>> points(
    ...     np.array([[[0, 3.0], [1, 0]], [[0, 1], [1, 0]]])
    ... )  # 3 wins of the first, 1 of the second, 1 tie
    array([3.5, 1.5])
    """
    return np.asarray(counts[..., 0, :, :].sum(-1) + 0.5 * counts[..., 1, :, :].sum(-1))


def votes_of(counts: Array) -> Array:
    """How many votes each variant is in, (…, K), from tables of wins and ties (…, 2, K, K).

    >>> votes_of(np.array([[[0, 3.0], [1, 0]], [[0, 1], [1, 0]]])).tolist()
    [5.0, 5.0]
    """
    wins, ties = counts[..., 0, :, :], counts[..., 1, :, :]
    return np.asarray(wins.sum(-1) + wins.sum(-2) + ties.sum(-1))


def shares(counts: Array) -> Array:
    """The score as a share of the votes that a variant is in, (…, K) in [0, 1]; ½ is as good as the others, NaN without votes.

    >>> shares(np.array([[[0, 3.0], [1, 0]], [[0, 1], [1, 0]]]))
    array([0.7, 0.3])
    """
    n = votes_of(counts)
    share: Array = np.divide(points(counts), n, out=np.full(n.shape, np.nan), where=n > 0)
    return share


def win_table(counts: Array, variants: Sequence[str]) -> pd.DataFrame:
    """Who beat whom: ``variant, against, wins, draws, losses, n``, a row per ordered pair of variants with votes about both.

    >>> win_table(np.array([[[0, 3.0], [1, 0]], [[0, 1], [1, 0]]]), ["x", "y"]).query(
    ...     "wins == 3"
    ... ).n.item()
    5
    """
    wins, ties = (counts[i].astype(int) for i in (0, 1))
    rows = [
        (one, other, wins[i, j], ties[i, j], wins[j, i], wins[i, j] + ties[i, j] + wins[j, i])
        for i, one in enumerate(variants)
        for j, other in enumerate(variants)
        if i != j
    ]
    table = pd.DataFrame(rows, columns=["variant", "against", "wins", "draws", "losses", "n"])
    return table[table["n"] > 0].reset_index(drop=True)
