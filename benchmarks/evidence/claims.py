"""The rule by which numbers decide what becomes of a sentence of the paper (evidence_sentences.py).

The rule, for a difference with its 95 % interval:

* the interval lies on the stated side of zero: **reproduced**;
* it holds zero: **not shown**;
* it lies on the other side: **contradicted**;
* a sentence that says "similar" is reproduced if the interval lies within the measure's margin of zero, contradicted if it lies
  outside altogether, not shown otherwise;
* "no worse" is reproduced if the interval lies above minus the margin, contradicted if it lies below it.

What the mini world was built to show is **planted** where it is found: it says nothing of the method; nor does what a choice has
to show, **by construction**, in the scores that it was made by. A sentence about something
that nobody measured here, causes above all, is **not measurable here**.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from benchmarks.evidence.records import ALL, POOLED

REPRODUCED, NOT_SHOWN, CONTRADICTED = "reproduced", "not shown", "contradicted"
PLANTED, CONSTRUCTED = "planted by design", "by construction"
NOT_MEASURABLE = "not measurable here"
# What counts as similar: about a tenth of the standard deviation of single rendered clips (evidence_wording.py). The paper calls
# changes of up to .0087 of GMEScore similar (Table 3, PE), which is more than any two rows of VACE differ by here.
MARGINS = {
    "gme_score": 0.002,
    "motion_smoothness": 0.0003,
    "imaging_quality": 0.005,
    "text match": 0.002,
    "all right": 0.05,
}
MARGIN = 0.01  # of any other

Direction = Literal["higher", "lower", "similar", "no worse"]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Interval:
    """A difference and its 95 % interval, and whether training seeds lie on both sides of zero; NaN where there is none."""

    difference: float
    low: float
    high: float
    torn: bool = False


@dataclass(frozen=True)
class Claim:
    """A sentence (or what it says of one thing), the measures that it is about, and what would bear it out.

    Without ``measures`` it is not measurable here, and ``why`` says why. ``instead`` takes the place of "reproduced"
    where that would say nothing of the method.
    With several ``pairs`` it has to hold for the one that bears it out least.
    """

    sentence: str
    measures: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    direction: Direction = "higher"
    instead: str = REPRODUCED
    why: str = ""
    table: str = (
        "differences"  # or: shares, or what the selection is judged by: left out, independent, seen
    )
    over: str = "moe - best expert"  # of the selection
    slice: str = ALL  # of the samples


def verdict(
    found: Interval | None,
    direction: Direction = "higher",
    instead: str = REPRODUCED,
    margin: float = MARGIN,
) -> str:
    """The rule at the top of this file; no interval is not measurable."""
    if found is None or not (math.isfinite(found.low) and math.isfinite(found.high)):
        return NOT_MEASURABLE
    if direction == "similar":
        inside = found.low >= -margin and found.high <= margin
        outside = found.low > margin or found.high < -margin
        return REPRODUCED if inside else CONTRADICTED if outside else NOT_SHOWN
    if direction == "no worse":
        if found.low >= -margin:
            return REPRODUCED
        return CONTRADICTED if found.high < -margin else NOT_SHOWN
    low, high = (found.low, found.high) if direction == "higher" else (-found.high, -found.low)
    if low > 0:
        return instead
    return CONTRADICTED if high < 0 else NOT_SHOWN


@dataclass(frozen=True)
class Finding:
    """What was found for one measure of a claim: against what, the number, the verdict."""

    measure: str
    against: str
    interval: Interval | None
    verdict: str


def findings(claim: Claim, differences: pd.DataFrame, selection: pd.DataFrame) -> list[Finding]:
    """One per measure; of several pairs the one whose interval bears the claim out least."""
    out = []
    for measure in claim.measures:
        known = candidates(claim, measure, differences, selection)
        if not known or any(interval is None for _, interval in known):
            out.append(Finding(measure, "", None, NOT_MEASURABLE))
            continue
        sign = -1.0 if claim.direction == "lower" else 1.0
        against, interval = min(
            known, key=lambda k: min(sign * k[1].low, sign * k[1].high) if k[1] else 0.0
        )
        margin = MARGINS.get(measure, MARGIN)
        said = verdict(interval, claim.direction, claim.instead, margin)
        out.append(Finding(measure, against, interval, said))
    return out


def candidates(
    claim: Claim, measure: str, differences: pd.DataFrame, selection: pd.DataFrame
) -> list[tuple[str, Interval | None]]:
    """(against, interval) of every comparison the claim is about, pooled over training seeds."""
    if claim.table == "differences":
        pooled = differences[
            (differences["seed"] == POOLED)
            & (differences["slice"] == claim.slice)
            & (differences["measure"] == measure)
        ]
        return [
            (b, _interval(pooled[(pooled["row"] == a) & (pooled["against"] == b)], "difference"))
            for a, b in claim.pairs
        ]
    pooled = selection[selection["seed"] == POOLED]
    if claim.table == "shares":
        rows = pooled[(pooled["what"] == "win share") & (pooled["row"] == measure)]
        return [("", _interval(rows, "value"))]
    rows = pooled[
        (pooled["what"] == claim.over)
        & (pooled["kind"] == claim.table)
        & (pooled["measure"] == measure)
    ]
    return [(str(rows["against"].iloc[0]) if len(rows) else "", _interval(rows, "value"))]


def _interval(rows: pd.DataFrame, what: str) -> Interval | None:
    if not len(rows):
        return None
    first = rows.iloc[0]
    torn = bool(first["seeds_min"] < 0 < first["seeds_max"])
    return Interval(float(first[what]), float(first["low"]), float(first["high"]), torn)


def conclusion(found: list[Finding]) -> str:
    """One verdict if the measures agree, else how many say what."""
    verdicts = [f.verdict for f in found]
    if not verdicts:
        return NOT_MEASURABLE
    counts = {v: verdicts.count(v) for v in dict.fromkeys(verdicts)}
    if len(counts) == 1:
        return verdicts[0]
    return ", ".join(f"{v} ({n} of {len(verdicts)})" for v, n in counts.items())
