"""What choosing is worth: the mixture of experts against its best expert and against as many draws of one, also by what it did not see.

Everything is chosen by the functions of the product's stage 5. A choice *without* a metric is by the other parts of the overall
score, at their weights; what it gains in the metric left out, or in the eyes of a judge that no choice looked at, is real.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.evidence.records import Records
from benchmarks.evidence.statistics import Array
from benchmarks.evidence.summary import SPREAD, corrected, described, difference_rows, with_pooled
from tpige_kedro.metrics.columns import BEST_OF_N, MOE
from tpige_kedro.metrics.overall import PAPER_WEIGHTS
from tpige_kedro.pipelines.moe_selection.candidates import best_draws, chosen_scores
from tpige_kedro.pipelines.moe_selection.nodes import select_experts
from tpige_kedro.schemas import Moe

EXPERTS = ("phantom", "vace", "vace_pe", "vace_pe_ie", "vace_pe_ge")  # the paper's, but for Hailuo
DRAWS = ("vace_pe_ge", *(f"vace_pe_ge_draw{i}" for i in range(1, 5)))
INDEPENDENT = ("identity", "text match")  # of the judge: in no overall score
OVERALL = "overall"
SELECTION = [
    *("what", "chosen_by", "kind", "row", "against", "seed", "measure"),
    *("n", "value", "low", "high", "p", "p_holm"),
]


def select(records: Records, seed: int) -> pd.DataFrame:
    """Win shares, means, and comparisons of the selection, per training seed and pooled.

    ``what`` says what ``value`` is: ``win share`` of an expert; ``mean`` of a measure over the chosen clips; or a paired
    difference: ``moe - best expert`` (the one with the highest pooled mean of that measure, a choice that favours the expert),
    ``moe - best of n`` (as many draws of one variant, chosen in the same way), ``best of n - one draw``.
    """
    experts = [e for e in EXPERTS if records.of(e) is not None]
    draws = [d for d in DRAWS if records.of(d) is not None]
    if len(experts) < 2 or records.measure(OVERALL) is None:
        records.note("selection: fewer than two experts, or no overall score")
        return pd.DataFrame(columns=[*SELECTION, *SPREAD])
    if len(draws) < len(experts):
        records.note(f"best of n: {len(draws)} draws for {len(experts)} experts")
        draws = []
    out: list[dict[str, Any]] = []
    chosen = Chosen(records, experts, draws)
    moe, best = chosen.clips("")
    wins = described(records, chosen.wins(), seed, "value", experts)
    out += [
        {**entry, "row": entry["measure"], "measure": "win share"}
        for entry in _entries("win share", OVERALL, wins)
    ]
    for row, clips in ((MOE, moe), (BEST_OF_N, best)):
        entries = described(records, with_pooled(clips), seed, "value")
        out += _entries("mean", OVERALL, entries, row=row)
    looked_at = [m for m in (OVERALL, *PAPER_WEIGHTS) if m in records.measures]
    for measure in looked_at:
        out += compared(records, chosen, "", measure, "seen", seed)
    for left_out in PAPER_WEIGHTS:
        if left_out in records.measures:
            out += compared(records, chosen, left_out, left_out, "left out", seed)
    for judge in INDEPENDENT:
        if judge in records.measures:
            out += compared(records, chosen, "", judge, "independent", seed)
    table = corrected(pd.DataFrame(out), ["what", "kind", "seed"])
    return table[[*SELECTION, *SPREAD]]


def compared(
    records: Records, chosen: Chosen, left_out: str, measure: str, kind: str, seed: int
) -> list[dict[str, Any]]:
    """The selection without ``left_out`` against its best expert and the best draw, on one measure."""
    moe, best = chosen.clips(left_out)
    m = records.measures.index(measure)
    expert = chosen.best_expert(m)
    single = records.values[DRAWS[0]] if chosen.draws else None
    pairs = [("moe - best expert", MOE, moe, expert, records.values[expert])]
    if single is not None:
        pairs += [
            ("moe - best of n", MOE, moe, BEST_OF_N, best),
            ("best of n - one draw", BEST_OF_N, best, DRAWS[0], single),
        ]
    by = f"{OVERALL} without {left_out}" if left_out else OVERALL
    out = []
    for what, row, a, against, b in pairs:
        found = difference_rows(records, (a - b)[..., [m]], seed, [measure])
        named = [{"value": e.pop("difference"), **e} for e in found]
        out += _entries(what, by, named, row=row, against=against, kind=kind)
    return out


def _entries(
    what: str,
    by: str,
    entries: list[dict[str, Any]],
    *,
    row: str = "",
    against: str = "",
    kind: str = "",
) -> list[dict[str, Any]]:
    about = {"what": what, "chosen_by": by, "kind": kind, "row": row, "against": against}
    return [{**about, "p": np.nan, **entry} for entry in entries]


class Chosen:
    """The clips that the selection and the best draw stand for, with any part of the overall score left out."""

    def __init__(self, records: Records, experts: Sequence[str], draws: Sequence[str]) -> None:
        self.records, self.draws = records, tuple(draws)
        self.moe = Moe(experts=tuple(experts), equal_budget=self.draws)
        self.samples = pd.DataFrame({"sample_id": records.samples})
        self._kept: dict[str, tuple[Array, Array, list[pd.DataFrame]]] = {}

    def scores(self, seed_at: int, left_out: str) -> pd.DataFrame:
        """The product's score table of one training seed; ``overall`` is of the parts that are not left out."""
        records = self.records
        names = dict.fromkeys((*self.moe.experts, *self.draws))
        parts = [
            pd.DataFrame(records.values[n][seed_at], columns=records.measures).assign(
                variant=n, sample_id=records.samples
            )
            for n in names
        ]
        table = pd.concat(parts, ignore_index=True)
        table = table[table[OVERALL].notna()].copy()
        if left_out:
            table[OVERALL] = sum(w * table[m] for m, w in PAPER_WEIGHTS.items() if m != left_out)
        return table

    def clips(self, left_out: str) -> tuple[Array, Array]:
        """The measures (seeds, samples, measures) of the selection's clips and of the best draws'."""
        return self._choose(left_out)[:2]

    def _choose(self, left_out: str) -> tuple[Array, Array, list[pd.DataFrame]]:
        if left_out not in self._kept:
            moe, best, selections = [], [], []
            for at in range(len(self.records.seeds)):
                scores = self.scores(at, left_out)
                selection = select_experts(scores, self.samples, self.moe)
                moe.append(self._cube(chosen_scores(scores, selection)))
                best.append(self._cube(best_draws(scores, selection, self.draws)))
                selections.append(selection)
            self._kept[left_out] = np.stack(moe), np.stack(best), selections
        return self._kept[left_out]

    def _cube(self, rows: pd.DataFrame) -> Array:
        """Score rows as (samples, measures), NaN for samples without one."""
        table = rows.set_index("sample_id").reindex(self.records.samples)
        return table[self.records.measures].to_numpy(float)

    def wins(self) -> Array:
        """Whether each expert won each sample: (seeds and pooled, samples, experts), NaN where nobody did."""
        selections = self._choose("")[2]
        names = np.array(self.moe.experts, object)
        winners = np.stack([s["variant"].to_numpy(object) for s in selections])[..., None]
        someone = np.array([[isinstance(w, str) for w in row] for row in winners[..., 0]])
        return with_pooled(np.where(someone[..., None], winners == names, np.nan))

    def best_expert(self, measure: int) -> str:
        """The expert with the highest pooled mean of a measure."""
        means = {
            e: np.nanmean(with_pooled(self.records.values[e])[-1][:, measure])
            for e in self.moe.experts
        }
        return max(means, key=lambda e: means[e])
