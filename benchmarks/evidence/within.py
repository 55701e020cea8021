"""What a gain of likeness could be bought with: stillness, a pasted portrait, a face that changes within the clip, flicker.

Run: ``PYTHONPATH=src python -m benchmarks.evidence.within --records docs/evidence/own_noise`` (seconds). Means of the rows, and paired differences
of the comparisons below, with 95 % intervals over the pairs. A method that pastes the portrait gains likeness to the
reference and not to another portrait of the person; one that freezes the clip loses motion amplitude.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.ablation.rows import DECODED, TRUTH
from benchmarks.evidence.markdown import shown, title
from benchmarks.evidence.records import Records, load, with_pooled
from benchmarks.evidence.statistics import Array, intervals
from benchmarks.guidance_cost.table import table

ROWS = (TRUTH, DECODED, "vace", "vace_pe", "half_reuse_8", "vace_pe_cfg_matched", "vace_pe_ge")
ROWS = (*ROWS, "vace_pe_cfg_best", "vace_pe_ge_tuned", "vace_pe_ie")
ROWS = (*ROWS, "phantom", "phantom_pe", "phantom_pe_ge", "own_vace_pe", "own_half_reuse_8")
PAIRS = (
    ("half_reuse_8", "vace_pe"),
    ("vace_pe_ge", "vace_pe_cfg_matched"),
    ("vace_pe_ge_tuned", "vace_pe_cfg_best"),
    ("vace_pe_ie", "vace_pe"),
    ("phantom_pe", "phantom"),
    ("phantom_pe_ge", "phantom_pe"),
    ("own_half_reuse_8", "own_vace_pe"),  # without shared noise
    ("vace_pe", DECODED),
    ("vace_pe", TRUTH),
)
MEASURES = ("identity", "identity, other portrait", "motion_amplitude", "flicker")
MEASURES = (*MEASURES, "identity spread")
PASTED = "identity − other portrait"


def measured(records: Records, values: Array, seed: int, *, signed: bool) -> Iterator[str]:
    """A cell for each measure of ``values`` (seeds, samples, measures) and for :data:`PASTED`, pooled over the trainings."""
    at = [records.measures.index(measure) for measure in MEASURES]
    pooled = with_pooled(values)[-1][:, at]
    pasted = pooled[:, 0] - pooled[:, 1]
    found = intervals(np.column_stack([pooled, pasted]), seed)
    for mean, low, high in zip(found.mean, found.low, found.high, strict=True):
        yield shown(float(mean), float(low), float(high), signed=signed)


def ratio(records: Records, name: str, other: str, measure: str) -> float:
    """The mean of a measure in one row over that in another."""
    at = records.measures.index(measure)
    above, below = (np.nanmean(records.values[records.made_as.get(n, n)][..., at]) for n in (name, other))  # fmt: skip
    return float(above / below)


def as_text(records: Records, seed: int = 0) -> list[str]:
    """The two tables."""
    there = {name: values for name in ROWS if (values := records.of(name)) is not None}
    head = (*map(title, MEASURES), PASTED)
    means = [
        (f"`{n}`", *measured(records, values, seed, signed=False))
        for n, values in there.items()
        if not n.startswith("own_")
    ]
    differences = []
    for name, other in PAIRS:
        if {name, other} <= set(there):
            apart = there[name] - there[other]
            ratios = (f"{ratio(records, name, other, m):.2f}" for m in ("motion_amplitude", "flicker", "identity spread"))  # fmt: skip
            cells = measured(records, apart, seed, signed=True)
            differences.append((f"`{name}` − `{other}`", *cells, " · ".join(ratios)))
    return [
        f"n = {len(records.samples)} pairs, {len(records.seeds)} training(s)",
        "",
        *table(("row", *head), means),
        *table(("difference", *head, "× motion · flicker · spread"), differences),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=Path, required=True, help="where the clips' records are")
    print("\n".join(as_text(load(parser.parse_args().records))))


if __name__ == "__main__":
    main()
