"""Draws what is shown side by side: comparisons of two variants, some of them twice, and clips beside their damaged copies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, cycle
from typing import NamedTuple

import numpy as np
import pandas as pd

from tpige_kedro.errors import TpigeError
from tpige_kedro.schemas import Study
from tpige_kedro.study.balance import Cell, balanced
from tpige_kedro.study.names import meaningless

COLUMNS = ("pair_id", "sample_id", "variant_a", "variant_b", "kind", "repeats", "damaged", "clip_a", "clip_b", "reference")  # fmt: skip
Marks = Mapping[str, Mapping[str, str]]  # by variant and sample: the hash of the clip's file


class Pair(NamedTuple):
    """A row of the table of pairs, see ``schemas.tables.STUDY_PAIRS``."""

    pair_id: str
    sample_id: str
    variant_a: str
    variant_b: str
    kind: str
    repeats: str
    damaged: str
    clip_a: str
    clip_b: str
    reference: str


def draw_all(marks: Marks, settings: Study, seed: int) -> pd.DataFrame:
    """The pairs of a study, in an order that says nothing; the same clips and settings give the same pairs.

    Args:
        marks: by variant and sample the sha256 of the clip's file; a clip that may not be shown is not in there.
        settings: how many pairs, and of which kinds.
        seed: of the draw.

    Raises:
        TpigeError: a variant of the settings has no clip, or no sample has clips of two variants.

    >>> marks = {v: {s: v + s for s in ("s1", "s2")} for v in ("vace", "phantom")}
    >>> drawn = draw_all(marks, Study(repeats=0.5, swapped_repeats=0, attention=0), 1)
    >>> sorted(drawn["kind"])
    ['comparison', 'comparison', 'repeat']
    """
    cells = possible(marks, settings)
    rng = np.random.default_rng([seed, 18])
    count = len(cells) if settings.pairs is None else settings.pairs
    chosen = balanced(cells, count, rng)
    comparisons = [_pair(marks, sample, versus, "comparison") for versus, sample in chosen]
    shown = [comparisons[i] for i in rng.permutation(len(comparisons))]
    repeated = share(settings.repeats, len(shown))
    swapped = min(share(settings.swapped_repeats, len(shown)), len(shown) - repeated)
    rows = [
        *comparisons,
        *(_again(marks, pair, "repeat") for pair in shown[:repeated]),
        *(_again(marks, pair, "swapped_repeat") for pair in shown[repeated : repeated + swapped]),
        *_attention(marks, shown, share(settings.attention, len(shown)), rng),
    ]
    return pd.DataFrame(sorted(rows), columns=list(COLUMNS), dtype=str)


def possible(marks: Marks, settings: Study) -> list[Cell]:
    """Every pair of variants with every sample of which both have a clip.

    Raises:
        TpigeError: a variant of the settings has no clip, or no sample has clips of two variants.
    """
    there = [name for name in marks if marks[name]]
    variants = there if settings.variants is None else list(settings.variants)
    for variant in variants:
        if not marks.get(variant):
            made = ", ".join(there) or "none"
            raise TpigeError(
                f"study.variants: {variant} has no clip that may be shown (there are clips of: {made}); make its clips, or remove it"
            )
    cells = [
        ((a, b), sample)
        for a, b in combinations(sorted(variants), 2)
        for sample in sorted(marks[a].keys() & marks[b].keys())
    ]
    if not cells:
        raise TpigeError(
            f"no sample has clips of two variants ({', '.join(variants) or 'there are no clips'}): nothing can be compared; run the "
            "pipeline full, or evaluate for clips made elsewhere, with at least two variants"
        )
    return cells


def share(fraction: float, count: int) -> int:
    """That part of ``count``, rounded up: a small study has one, too.

    >>> share(0.05, 200), share(0.05, 3), share(0, 200)
    (10, 1, 0)
    """
    return min(count, math.ceil(round(fraction * count, 9)))


def expected_clips(pair: Pair, marks: Marks) -> tuple[str, str] | None:
    """What the clips of a pair are called if the originals are the ``marks``; None if one of them is not there any more."""
    found = [marks.get(v, {}).get(pair.sample_id) for v in (pair.variant_a, pair.variant_b)]
    if found[0] is None or found[1] is None:
        return None
    return _clips(pair.kind, pair.pair_id, found[0], found[1])


def _clips(kind: str, pair_id: str, mark_a: str, mark_b: str) -> tuple[str, str]:
    """A comparison shares its clips with others; what a rater must not recognise has files of its own."""
    if kind == "comparison":
        return meaningless("clip", mark_a), meaningless("clip", mark_b)
    return meaningless("clip", mark_a, pair_id, "a"), meaningless("clip", mark_b, pair_id, "b")


def _pair(
    marks: Marks,
    sample: str,
    versus: Sequence[str],
    kind: str,
    repeats: str = "",
    damaged: str = "",
) -> Pair:
    found = [marks[variant][sample] for variant in versus]
    pair_id = meaningless(kind, *sorted(found), repeats)
    a, b = versus
    is_turned = kind != "attention" and int(_first(marks, sample, versus), 16) % 2
    if is_turned:  # which of the two is `a` says nothing
        a, b = b, a
    clips = _clips(kind, pair_id, marks[a][sample], marks[b][sample])
    reference = meaningless("reference", *sorted(m[sample] for m in marks.values() if sample in m))
    return Pair(pair_id, sample, a, b, kind, repeats, damaged, *clips, reference)


def _first(marks: Marks, sample: str, versus: Sequence[str]) -> str:
    """A digit that looks random: the same for a comparison and its repeats."""
    return meaningless("order", *(marks[variant][sample] for variant in sorted(versus)))[0]


def _again(marks: Marks, pair: Pair, kind: str) -> Pair:
    versus = (pair.variant_a, pair.variant_b)
    return _pair(marks, pair.sample_id, sorted(versus), kind, repeats=pair.pair_id)


def _attention(
    marks: Marks, pairs: Sequence[Pair], count: int, rng: np.random.Generator
) -> Iterator[Pair]:
    """Clips beside their damaged copies: of all variants in turn, each of another sample for as long as there are others."""
    by_variant: dict[str, list[str]] = {}
    for pair in pairs:
        for variant in (pair.variant_a, pair.variant_b):
            by_variant.setdefault(variant, []).append(pair.sample_id)
    queues = {name: list(dict.fromkeys(by_variant[name])) for name in sorted(by_variant)}
    seen: dict[str, int] = {}
    for name in cycle(rng.permutation(sorted(queues)).tolist()):
        if not count or not any(queues.values()):
            return
        if not queues[name]:
            continue
        sample = min(queues[name], key=lambda s: seen.get(s, 0))
        queues[name].remove(sample)
        seen[sample] = seen.get(sample, 0) + 1
        count -= 1
        yield _pair(marks, sample, (name, name), "attention", damaged="ab"[int(rng.integers(2))])
