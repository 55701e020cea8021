"""Deals a rater's pairs: those with the fewest votes first, repeats well after what they repeat, sides at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

FAR = 6  # places between a pair and its repeat that are enough
TRIES = 60  # orders that are looked at
REPEATS = ("repeat", "swapped_repeat")


class Dealt(NamedTuple):
    """A pair as a rater meets it: which of its clips stands left."""

    pair_id: str
    left: str


class Kind(NamedTuple):
    """What dealing has to know of a pair."""

    kind: str
    repeats: str = ""


def deal(
    pairs: Mapping[str, Kind], votes: Mapping[str, int], size: int | None, rng: np.random.Generator
) -> list[Dealt]:
    """The pairs of one rater in their order.

    Args:
        pairs: all pairs of the study.
        votes: how often each was answered or is about to be; pairs that are not in there: never.
        size: how many pairs; None or more than there are: all.
        rng: of this rater.

    Returns:
        Kinds in about the shares that they have in the study, a repeat only together with what it repeats; as often the one clip left
        as the other.

    >>> pairs = {"p": Kind("comparison"), "q": Kind("comparison"), "r": Kind("repeat", "p")}
    >>> order = [d.pair_id for d in deal(pairs, {}, None, np.random.default_rng(0))]
    >>> order.index("p") < order.index("r")
    True
    """
    chosen = list(pairs) if size is None or size >= len(pairs) else _chosen(pairs, votes, size, rng)
    order = _ordered(pairs, chosen, rng)
    return _with_sides(pairs, order, rng)


def _chosen(
    pairs: Mapping[str, Kind], votes: Mapping[str, int], size: int, rng: np.random.Generator
) -> list[str]:
    by_kind: dict[str, list[str]] = {}
    for name in sorted(
        pairs, key=dict(zip(pairs, rng.random(len(pairs)), strict=True)).__getitem__
    ):
        by_kind.setdefault(pairs[name].kind, []).append(name)
    for names in by_kind.values():
        names.sort(key=lambda name: votes.get(name, 0))  # stable: equal ones stay shuffled
    comparisons = by_kind.pop("comparison", [])
    others = [
        name
        for names in by_kind.values()
        for name in names[: max(1, round(size * len(names) / len(pairs)))]
    ][: size // 2]
    needed = dict.fromkeys(pairs[name].repeats for name in others if pairs[name].repeats)
    rest = [name for name in comparisons if name not in needed]
    return [*needed, *others, *rest][: max(size, 1)]


def _ordered(
    pairs: Mapping[str, Kind], chosen: Sequence[str], rng: np.random.Generator
) -> list[str]:
    """At random, repeats in the second half; of some orders the one that keeps them farthest from what they repeat."""
    repeated = {pairs[name].repeats for name in chosen if pairs[name].kind in REPEATS}
    best: list[str] = []
    best_gap = -1
    for _ in range(TRIES):
        keys = {}
        for name in chosen:
            at = float(rng.random())
            is_repeat = pairs[name].kind in REPEATS
            keys[name] = 0.5 + at / 2 if is_repeat else at / 2 if name in repeated else at
        order = sorted(chosen, key=keys.__getitem__)
        place = {name: i for i, name in enumerate(order)}
        gap = min(
            (place[n] - place[pairs[n].repeats] for n in chosen if pairs[n].repeats), default=FAR
        )
        if gap > best_gap:
            best, best_gap = order, gap
        if gap >= FAR:
            break
    return best


def _with_sides(
    pairs: Mapping[str, Kind], order: Sequence[str], rng: np.random.Generator
) -> list[Dealt]:
    first = [name for name in order if pairs[name].kind not in REPEATS]
    sides = rng.permutation(["ab"[i % 2] for i in range(len(first))]).tolist()
    left = dict(zip(first, sides, strict=True))
    for name in order:
        kind, repeats = pairs[name]
        if kind in REPEATS:
            same = left[repeats]
            left[name] = same if kind == "repeat" else "ba"["ab".index(same)]
    return [Dealt(name, left[name]) for name in order]
