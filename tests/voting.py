"""Made-up studies for tests: pair lists, raters by simulation, and random votes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from tpige_kedro.study.simulated import Behaviour, simulate_votes
from tpige_kedro.study.votes import about_pairs

STRONG = {"vace_pe_ge": 0.8, "phantom": 0.2, "vace": -0.3, "hailuo": -0.7}


def pair_list(
    variants: Sequence[str], samples: int, repeats: int = 0, swapped: int = 0, attention: int = 0
) -> pd.DataFrame:
    """All pairs of variants on all samples; the first ones twice, the next swapped, and attention pairs."""
    rows = []
    for i in range(samples):
        for a, b in combinations(variants, 2):
            first, second = (a, b) if (i + len(rows)) % 2 else (b, a)
            rows.append(("comparison", f"s{i:02}", first, second, "", ""))
    again = [(kind, *rows[n][1:4], f"p{n:04}", "") for kind, n in (
        *(("repeat", n) for n in range(repeats)),
        *(("swapped_repeat", n) for n in range(repeats, repeats + swapped)),
    )]  # fmt: skip
    checks = [
        ("attention", f"s{i % samples:02}", v, v, "", "ab"[i % 2])
        for i, v in zip(range(attention), list(variants) * attention, strict=False)
    ]
    table = pd.DataFrame([*rows, *again, *checks], columns=["kind", "sample_id", "variant_a", "variant_b", "repeats", "damaged"])  # fmt: skip
    names = [f"p{n:04}" for n in range(len(table))]
    return table.assign(pair_id=names, clip_a="x", clip_b="y", reference="z")


def simulated(
    behaviour: Behaviour, pairs: pd.DataFrame, raters: int, seed: int = 0, each: int | None = None
) -> pd.DataFrame:
    """The votes of ``raters`` beside their pairs."""
    names = [f"r{i:02}" for i in range(raters)]
    return about_pairs(simulate_votes(pairs, names, behaviour, seed, each), pairs)


def random_votes(
    seed: int, variants: int = 4, samples: int = 5, raters: int = 6, count: int = 150
) -> pd.DataFrame:
    """Votes about random comparisons with random answers, "unsure" among them; some raters answer a pair again."""
    rng = np.random.default_rng(seed)
    pairs = pair_list([f"v{i}" for i in range(variants)], samples)
    votes = pd.DataFrame(
        {
            "vote_id": [f"n{i}" for i in range(count)],
            "rater": rng.choice([f"r{i}" for i in range(raters)], count),
            "pair_id": rng.choice(pairs["pair_id"], count),
            "question": rng.choice(["overall", "likeness"], count),
            "answer": rng.choice(["a", "b", "tie", "unsure"], count, p=[0.4, 0.3, 0.2, 0.1]),
            "left": rng.choice(["a", "b"], count),
            "seconds": 5.0,
            "voted_at": "2026-01-01T00:00:00+00:00",
        }
    )
    return about_pairs(votes, pairs)


def swapped_sides(counted: pd.DataFrame) -> pd.DataFrame:
    """The same votes about the same pairs, with a and b exchanged in every other pair."""
    flip = counted["pair_id"].str[-1].isin(list("13579"))
    other = {"a": "b", "b": "a"}
    swapped = counted.assign(
        variant_a=counted["variant_b"],
        variant_b=counted["variant_a"],
        answer=counted["answer"].replace(other),
        left=counted["left"].replace(other),
        damaged=counted["damaged"].replace(other),
        points=1 - counted["points"],
    )
    return pd.concat([swapped[flip], counted[~flip]]).sort_index()
