"""Keeps a pair list for as long as votes were cast on it: pairs may disappear, but no others come, and no clip is exchanged."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.work import fingerprint
from tpige_kedro.schemas import Study
from tpige_kedro.study.names import meaningless
from tpige_kedro.study.pairs import Marks, Pair, draw_all, expected_clips

logger = logging.getLogger(__name__)

OF_THE_DRAW = ("variants", "pairs", "repeats", "swapped_repeats", "attention")  # settings
REMEDY = "kedro study --reset sets that study and its votes aside; or set another data_root"


@dataclass(frozen=True)
class Drawing:
    """A new pair list, and what it was drawn from: the originals' hashes (``marks``) and a hash of the settings (``draw``).

    ``allowed`` are the samples that may be shown, with clips or without.
    """

    table: pd.DataFrame
    marks: Marks
    draw: str
    allowed: frozenset[str]


def draw(marks: Marks, settings: Study, seed: int, allowed: Iterable[str]) -> Drawing:
    """The pairs that these clips and settings give; ``table.attrs`` say which study it is."""
    table = draw_all(marks, settings, seed)
    asked = fingerprint(seed=seed, **settings.model_dump(mode="json", include=set(OF_THE_DRAW)))
    known = sorted({_short(mark) for row in marks.values() for mark in row.values()})
    table.attrs = {"study": study_id(table, asked), "draw": asked, "known": known}
    return Drawing(table, marks, asked, frozenset(allowed))


def study_id(table: pd.DataFrame, asked: str) -> str:
    """What a study is known by: the same pairs of the same clips, drawn alike."""
    return meaningless("study", asked, *table["pair_id"], *table["clip_a"], *table["clip_b"])


def kept(earlier: pd.DataFrame | None, new: Drawing, votes: int) -> pd.DataFrame:
    """The pair list from now on. With ``votes`` it is the ``earlier`` one, without the pairs of samples that may not be shown any more. A pair whose clip
    is lost stays: it is not shown until the clip is back.

    Raises:
        TpigeError: votes were cast, and the settings, a clip of the list, or the set of clips that it was drawn from are others now.
    """
    if earlier is None or not votes:
        return new.table
    said: dict[Any, Any] = earlier.attrs
    count = f"{votes} vote{'s' * (votes != 1)}"
    if said.get("draw") != new.draw:
        raise TpigeError(
            f"study: there are {count} on pairs that were drawn with other settings ({', '.join(OF_THE_DRAW)} or seed); set them back, or "
            f"draw again: {REMEDY}"
        )
    left = earlier[earlier["sample_id"].isin(new.allowed)].reset_index(drop=True)
    left.attrs = said
    for pair in (Pair(*row) for row in left.itertuples(index=False)):
        if expected_clips(pair, new.marks) not in (None, (pair.clip_a, pair.clip_b)):
            raise TpigeError(
                f"sample {pair.sample_id}: its clip of {pair.variant_a} or {pair.variant_b} is another than the one that was voted on "
                f"({count} in all); put it back, or draw again: {REMEDY}"
            )
    known = set(said.get("known", ()))
    fresh = [
        (v, s) for v, row in new.marks.items() for s, m in row.items() if _short(m) not in known
    ]
    if fresh:
        variant, sample = fresh[0]
        raise TpigeError(
            f"study: {len(fresh)} clips (the first: {variant}/{sample}) have come since the pairs were drawn that {count} are on; "
            f"list only the variants of that time in study.variants, or draw again: {REMEDY}"
        )
    if len(left) < len(earlier):
        logger.info(
            "study: %d of %d pairs are gone: their samples are not on the list any more, or may not be shown",
            len(earlier) - len(left),
            len(earlier),
        )
    return left


def _short(mark: str) -> str:
    return meaningless("known", mark)[:12]
