"""Several methods against several draws of one at equal compute, also from noise of their own: chosen on half of the pairs, reported on the other.

Run: ``PYTHONPATH=src python -m benchmarks.evidence.experts --records DIR`` (a minute). ``DIR`` holds ``clips_seed<k>.parquet``
of the rows below, as ``ablation_collect.py --to DIR`` packs them; rows that are not there are named and left out.

The unit of compute is a run of plain text guidance of VACE (two forwards a step) by FLOPs at the 14B's size. The budget is what the
paper's five experts cost together. A set of candidates stands for its clip with the highest Overall, sample by sample. *Searched*
sets are the best of all within the budget by mean Overall on the first half, and their numbers are of the second half, where nothing
was chosen. Sets that were named beforehand have numbers of the second half and of all pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.ablation.rows import load_rows
from benchmarks.evidence.markdown import shown, title
from benchmarks.evidence.records import POOLED, Records, load, with_pooled
from benchmarks.evidence.selection import DRAWS, EXPERTS, OVERALL
from benchmarks.evidence.statistics import Array
from benchmarks.evidence.summary import described
from benchmarks.evidence.wording import runs_of_cfg
from benchmarks.guidance_cost.table import table

STEPS = 20  # of the mini run
OWN = tuple(f"own_{name}" for name in EXPERTS)
MORE = ("own_half_reuse_8", "own_phantom_pe", "own_phantom_pe_ge")
CHEAP = ("half_reuse_8", *(f"half_reuse_8_draw{i}" for i in range(1, 5)))
MEASURES = ("identity", "identity, other portrait", "text match", "all right", "overall")
MEASURES = (*MEASURES, "gme_score", "imaging_quality", "motion_amplitude", "identity spread")
SHARED = "MoE, shared noise"
NOISE = "noise of their own"
AGAINST = "draws of half_reuse_8"  # the method of conf/base, drawn again
INSTEAD = "draws of vace_pe_ge"  # where the clips of that are missing
SECOND, ALL = "second half of the pairs", "all pairs"
LARGEST = 8  # candidates of a searched set


@dataclass(frozen=True)
class Candidates:
    """Rows to choose a clip from, whether the first half chose them, and what they cost."""

    name: str
    rows: tuple[str, ...]
    cost: float
    searched: bool = False


def halves(samples: Sequence[str]) -> Array:
    """Which samples are in the first half: pairs of neighbours in turn, so that both have as many of each slice and kind of role.

    >>> halves(["seen0000", "seen0001", "seen0002", "seen0003", "new0001"]).tolist()
    [True, True, False, False, True]
    """
    numbers = np.array([int("".join(filter(str.isdigit, name))) for name in samples])
    return numbers // 2 % 2 == 0


def costs(names: Sequence[str]) -> dict[str, float]:
    """What a clip of each row costs."""
    variants = {row.name: row.variant for row in load_rows()}
    return {name: runs_of_cfg(variants[name], STEPS) for name in names}


def affordable(names: Sequence[str], price: Mapping[str, float], budget: float) -> tuple[str, ...]:
    """As many of ``names``, from the first on, as the budget pays for."""
    spent = np.cumsum([price[name] for name in names])
    return tuple(names[: int((spent <= budget + 1e-9).sum())])


def chosen(records: Records, rows: Sequence[str]) -> Array:
    """The measures (seeds, samples, measures) of each sample's clip with the highest Overall; NaN where a row has no clip."""
    cubes = np.stack([records.values[records.made_as[name]] for name in rows])
    scores = cubes[..., records.measures.index(OVERALL)]
    best = np.where(np.isfinite(scores), scores, -np.inf).argmax(axis=0)
    found = np.take_along_axis(cubes, best[None, ..., None], axis=0)[0]
    return np.where(np.isfinite(scores).all(axis=0)[..., None], found, np.nan)


def search(
    records: Records, names: Sequence[str], price: Mapping[str, float], budget: float, half: Array
) -> tuple[str, ...]:
    """The set of at most ``LARGEST`` rows within the budget whose best clips have the highest mean Overall on ``half``."""
    at = records.measures.index(OVERALL)
    scores = np.stack([records.values[records.made_as[n]][:, half, at] for n in names])
    flat = scores.reshape(len(names), -1)
    flat = flat[:, np.isfinite(flat).all(axis=0)]
    cost = np.array([price[name] for name in names])
    best, value = (), -np.inf
    for size in range(1, min(LARGEST, len(names)) + 1):
        for rows in combinations(range(len(names)), size):
            if cost[list(rows)].sum() > budget + 1e-9:
                continue
            mean = float(flat[list(rows)].max(axis=0).mean())
            if mean > value:
                best, value = rows, mean
    return tuple(names[i] for i in best)


def candidates(records: Records) -> list[Candidates]:
    """The sets that are compared, those of which all rows have clips; with the budget of the paper's experts."""
    every = dict.fromkeys([*EXPERTS, *OWN, *MORE, *CHEAP, *DRAWS])
    there = [name for name in every if records.of(name) is not None]
    price = costs(list(every))
    budget = sum(price[name] for name in EXPERTS)
    half = halves(records.samples)
    named = {
        SHARED: EXPERTS,
        f"MoE, {NOISE}": OWN,
        "MoE of conf/base, shared noise": (*EXPERTS[:-1], "half_reuse_8"),
        f"MoE of conf/base, {NOISE}": (*OWN[:-1], "own_half_reuse_8"),
        AGAINST: affordable(CHEAP, price, budget),
        f"four {AGAINST}": CHEAP[:4],  # surely no more than the experts of conf/base cost
        INSTEAD: affordable(DRAWS, price, budget),
    }
    sets = [(n, rows, False) for n, rows in named.items() if set(rows) <= set(there)]
    pools = {
        "searched, shared noise": [n for n in EXPERTS if n in there],
        f"searched, {NOISE}": [n for n in (*OWN, *MORE) if n in there],
        "searched among all": [n for n in there if n not in EXPERTS[:-1]],
    }
    sets += [(n, search(records, p, price, budget, half), True) for n, p in pools.items() if p]
    return [Candidates(n, rows, sum(price[r] for r in rows), s) for n, rows, s in sets if rows]


def controls(name: str, names: Sequence[str]) -> Iterator[str]:
    """What a set is compared with: draws of a method, the experts with shared noise, and its twin with shared noise."""
    twin = name.replace(NOISE, "shared noise")
    for other in dict.fromkeys((AGAINST, f"four {AGAINST}", INSTEAD, SHARED, twin)):
        if other in names and other != name:
            yield other


def experts(records: Records, seed: int) -> pd.DataFrame:
    """Mean of each set, and its differences from its controls, on the second half and, if it was not searched, on all pairs."""
    sets = candidates(records)
    second = ~halves(records.samples)
    measures = [m for m in MEASURES if m in records.measures]
    at = [records.measures.index(m) for m in measures]
    clips = {c.name: chosen(records, c.rows)[..., at] for c in sets}
    out = []
    for each in sets:
        parts = {"mean": clips[each.name]}
        for other in controls(each.name, list(clips)):
            parts[f"over {other}"] = clips[each.name] - clips[other]
        about = {"set": each.name, "rows": " ".join(each.rows), "cost": each.cost}
        about["searched"] = each.searched
        pairs = {SECOND: second} | ({} if each.searched else {ALL: np.ones_like(second)})
        for which, there in pairs.items():
            for what, values in parts.items():
                about |= {"pairs": which, "what": what}
                pooled = with_pooled(values[:, there])
                found = described(records, pooled, seed, "value", measures)
                out += [{**about, **e} for e in found if e["seed"] == POOLED]
    return pd.DataFrame(out)


def as_text(found: pd.DataFrame) -> list[str]:
    """A line per set: what it costs, its means, and its differences."""
    if not len(found):
        return ["No set has all its clips."]
    measures = list(dict.fromkeys(found["measure"]))
    lines = []
    for (pairs, what), part in found.groupby(["pairs", "what"], sort=False):
        lines += [f"{what}, {pairs}, n = {int(part['n'].max())}", ""]
        body = []
        for name, rows in part.groupby("set", sort=False):
            cells = rows.set_index("measure")
            values = [shown(*cells.loc[m, ["value", "low", "high"]], signed=what != "mean") if m in cells.index else "–" for m in measures]  # fmt: skip
            body.append((str(name), f"{rows['cost'].iloc[0]:.2f}", rows["rows"].iloc[0], *values))
        lines += table(("set", "x CFG", "rows", *map(title, measures)), body)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=Path, required=True, help="where the clips' records are")
    parser.add_argument("--out", type=Path, help="a CSV file for the numbers")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples")
    options = parser.parse_args()
    found = experts(load(options.records), options.seed)
    if options.out:
        found.to_csv(options.out, index=False, float_format="%.5g")
    print("\n".join(as_text(found)))


if __name__ == "__main__":
    main()
