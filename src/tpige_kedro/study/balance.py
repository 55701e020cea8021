"""Which comparisons a smaller study takes, so that variants, pairs of variants and samples are shown equally often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

Versus = tuple[str, str]  # two variants, in the order of their names
Cell = tuple[Versus, str]  # and a sample of which both have a clip


def balanced(cells: Sequence[Cell], count: int, rng: np.random.Generator) -> list[Cell]:
    """``count`` of the comparisons: each pair of variants, each variant and each sample as equally often as the clips allow.

    Where every sample has a clip of every variant, no count differs from another of its kind by more than one.

    >>> cells = [
    ...     (pair, sample) for pair in (("a", "b"), ("a", "c"), ("b", "c")) for sample in "stuv"
    ... ]
    >>> some = balanced(cells, 6, np.random.default_rng(0))
    >>> (
    ...     sorted(Counter(pair for pair, _ in some).values()),
    ...     sorted(Counter(s for _, s in some).values()),
    ... )
    ([2, 2, 2], [1, 1, 2, 2])
    """
    if count >= len(cells):
        return list(cells)
    there: dict[Versus, list[str]] = {}
    for versus, sample in cells:
        there.setdefault(versus, []).append(sample)
    quotas = _quotas({versus: len(samples) for versus, samples in there.items()}, count, rng)
    chosen = _take_samples(quotas, there, rng)
    _even_out_samples(chosen, there)
    return [(versus, sample) for versus, sample in cells if sample in chosen[versus]]


def _quotas(room: dict[Versus, int], count: int, rng: np.random.Generator) -> dict[Versus, int]:
    """How often each pair of variants is shown: round by round once each, the last round so that no variant is ahead."""
    quotas = dict.fromkeys(room, 0)
    left = count
    while True:
        free = [versus for versus, size in room.items() if quotas[versus] < size]
        if len(free) > left:
            break
        for versus in free:
            quotas[versus] += 1
        left -= len(free)
        if not left:
            return quotas
    for versus in _last_round(free, left, _by_variant(quotas), rng):
        quotas[versus] += 1
    return quotas


def _by_variant(quotas: dict[Versus, int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for versus, quota in quotas.items():
        counts.update(dict.fromkeys(versus, quota))
    return counts


def _last_round(
    free: Sequence[Versus], left: int, counts: Counter[str], rng: np.random.Generator
) -> set[Versus]:
    """``left`` of the pairs: first those of the variants that are behind, then exchanged while that evens the variants out."""
    order = [free[i] for i in rng.permutation(len(free))]
    taken: set[Versus] = set()
    for _ in range(left):
        best = min(
            (v for v in order if v not in taken), key=lambda v: sum(counts[name] for name in v)
        )
        taken.add(best)
        counts.update(best)
    _exchange(taken, order, counts)
    return taken


def _exchange(taken: set[Versus], free: Sequence[Versus], counts: Counter[str]) -> None:
    """Replace a pair by one that is not taken for as long as the sum of squares of the variants' counts falls."""

    def after(out: Versus, into: Versus) -> int:
        change = Counter(into)
        change.subtract(out)
        return sum(by * (2 * counts[name] + by) for name, by in change.items())

    while True:
        options = [
            (after(out, into), out, into) for out in taken for into in free if into not in taken
        ]
        gain, out, into = min(options, default=(0, ("", ""), ("", "")))
        if gain >= 0:
            return
        taken.symmetric_difference_update({out, into})
        counts.subtract(out)
        counts.update(into)


def _take_samples(
    quotas: dict[Versus, int], there: dict[Versus, list[str]], rng: np.random.Generator
) -> dict[Versus, set[str]]:
    """For one pair of variants after the other the samples that were taken least often so far."""
    counts: Counter[str] = Counter()
    chosen: dict[Versus, set[str]] = {}
    for versus, quota in quotas.items():
        samples = [there[versus][i] for i in rng.permutation(len(there[versus]))]
        chosen[versus] = set(sorted(samples, key=counts.__getitem__)[:quota])
        counts.update(chosen[versus])
    return chosen


def _even_out_samples(chosen: dict[Versus, set[str]], there: dict[Versus, list[str]]) -> None:
    """Move comparisons to samples that are shown less often, along the shortest chain of moves, until none helps."""
    counts = Counter({sample: 0 for samples in there.values() for sample in samples})
    counts.update(sample for samples in chosen.values() for sample in samples)
    while (chain := _chain(chosen, there, counts)) is not None:
        for (versus, sample), (_, target) in pairwise(chain):
            chosen[versus].remove(sample)
            chosen[versus].add(target)
        counts[chain[0][1]] -= 1
        counts[chain[-1][1]] += 1


def _chain(
    chosen: dict[Versus, set[str]], there: dict[Versus, list[str]], counts: Counter[str]
) -> list[Cell] | None:
    """Moves from a sample to one that is shown at least two times less; None if no sample can be relieved."""
    for level in sorted(set(counts.values()), reverse=True):
        targets = {sample for sample, n in counts.items() if n <= level - 2}
        starts = sorted(sample for sample, n in counts.items() if n == level)
        chain = _shortest(starts, targets, _moves(chosen, there)) if targets else None
        if chain is not None:
            return chain
    return None


def _moves(
    chosen: dict[Versus, set[str]], there: dict[Versus, list[str]]
) -> Callable[[str], Iterable[Cell]]:
    def moves(sample: str) -> Iterable[Cell]:
        for versus, samples in chosen.items():
            if sample in samples:
                yield from ((versus, other) for other in there[versus] if other not in samples)

    return moves


def _shortest(
    starts: Sequence[str], targets: set[str], moves: Callable[[str], Iterable[Cell]]
) -> list[Cell] | None:
    came: dict[str, Cell | None] = dict.fromkeys(starts)
    queue = list(starts)
    for sample in queue:
        for versus, other in moves(sample):
            if other in came:
                continue
            came[other] = (versus, sample)
            if other in targets:
                return _traced(other, came)
            queue.append(other)
    return None


def _traced(end: str, came: dict[str, Cell | None]) -> list[Cell]:
    """The chain as (pair that moves, sample that it leaves), ending with the sample that is reached."""
    chain: list[Cell] = [(("", ""), end)]
    at = end
    while (step := came[at]) is not None:
        chain.insert(0, step)
        at = step[1]
    return chain
