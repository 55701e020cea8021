"""The sentences of the paper's section 4.5, each with the numbers that speak to it and a verdict by a rule.

The rule, for a difference with its 95 % interval:

* the interval lies on the stated side of zero: **reproduced**;
* it holds zero: **not shown**;
* it lies on the other side: **contradicted**;
* a sentence that says "similar" is reproduced if the interval lies within ``SIMILAR`` of zero, contradicted if it lies outside
  altogether, not shown otherwise.

What the mini world was built to show is **planted** where it is found: it says nothing of the method. A sentence about something
that nobody measured here, causes above all, is **not measurable here**.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ablation_rows import MAIN
from evidence_records import POOLED
from tpige_kedro.metrics.columns import MOE

REPRODUCED, NOT_SHOWN, CONTRADICTED = "reproduced", "not shown", "contradicted"
PLANTED, NOT_MEASURABLE = "planted by design", "not measurable here"
SIMILAR = 0.01  # the paper calls changes of up to .0087 (Table 3, GMEScore with PE) similar

Direction = Literal["higher", "lower", "similar"]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Interval:
    """A difference and its 95 % interval; NaN where there is none."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """A sentence (or what it says of one thing), the measures that it is about, and what would bear it out.

    Without ``measures`` it is not measurable here, and ``why`` says why. ``planted`` marks what the world was built to show.
    With several ``pairs`` it has to hold for the one that bears it out least.
    """

    sentence: str
    measures: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    direction: Direction = "higher"
    planted: bool = False
    why: str = ""
    table: str = "differences"  # or: held out, independent, seen, shares


IDENTITY = ("cur_score", "arc_score", "identity")
OTHERS = ("gme_score", "motion_smoothness", "imaging_quality")
PE, IE, GE = ("vace_pe", "vace"), ("vace_pe_ie", "vace_pe"), ("vace_pe_ge", "vace_pe")
CONTROL = ("vace_pe_ge", "vace_pe_cfg_matched")
BEST = (("vace_pe_ge", "vace"), GE, ("vace_pe_ge", "vace_pe_ie"))  # the other rows of Table 3
PARTS = ("gme_score", "cur_score", "arc_score", "motion_smoothness", "imaging_quality")

CLAIMS = [
    Claim("With PE, identity consistency improves significantly", IDENTITY, (PE,), planted=True),
    Claim(
        "… because PE injects facial features: likeness in the frames that show a face, which is not planted",
        ("identity when seen",),
        (PE,),
    ),
    Claim("… while other metrics remain similar", OTHERS, (PE,), "similar"),
    Claim("… the overall score increases noticeably", ("overall",), (PE,), planted=True),
    Claim("Adding IE to PE improves text alignment", ("gme_score", "text match"), (IE,)),
    Claim("… and imaging quality", ("imaging_quality",), (IE,)),
    Claim(
        "… because the new reference has higher quality and more of the prompt",
        why="a cause; Figure 4 shows one example",
    ),
    Claim("… but decreases identity consistency", IDENTITY, (IE,), "lower"),
    Claim(
        "… since identity is measured against the original reference",
        why="a cause; no score against the new reference is taken",
    ),
    Claim("IE decreases the overall score", ("overall",), (IE,), "lower"),
    Claim("… but increases the diversity of the clips", why="diversity is not measured"),
    Claim("MoE also selects clips of PE & IE", ("vace_pe_ie",), table="shares"),
    Claim("With PE and GE the overall score is best", ("overall",), BEST),
    Claim("… and identity consistency", IDENTITY, BEST),
    Claim("… and imaging quality", ("imaging_quality",), BEST),
    Claim('… and "FID" (lower is better)', ("face_feature_sqdist",), BEST, "lower"),
    Claim(
        "… because GE considers the reference: identity against the same text guidance without it",
        IDENTITY,
        (CONTROL,),
    ),
    Claim(
        "… and is designed to optimise video quality: against the same control",
        ("motion_smoothness", "imaging_quality"),
        (CONTROL,),
    ),
    Claim(
        "PE with GE is state of the art",
        why="drawn people and mini models have no state of the art",
    ),
    Claim(
        "Clips of every method were selected",
        ("phantom", "vace", "vace_pe", "vace_pe_ie", "vace_pe_ge"),
        table="shares",
    ),
    Claim(
        "… so each method has its own advantages: MoE against its best expert by the metric left out of the choice",
        PARTS,
        table="left out",
    ),
    Claim(
        "With MoE almost all metrics are best: against the best expert, by the metrics it chooses by",
        (*PARTS, "overall"),
        planted=True,
        table="seen",
    ),
    Claim(
        "… confirming that MoE is effective: by a judge that no choice looked at",
        ("identity", "text match"),
        table="independent",
    ),
    Claim(
        "PE & GE improve Phantom",
        (*IDENTITY, "overall"),
        (("phantom_pe_ge", "phantom"),),
        planted=True,
    ),
    Claim("… GE's part of it", (*IDENTITY, "overall"), (("phantom_pe_ge", "phantom_pe"),)),
]


def verdict(found: Interval | None, direction: Direction = "higher", planted: bool = False) -> str:
    """The rule at the top of this file; no interval is not measurable."""
    if found is None or not (math.isfinite(found.low) and math.isfinite(found.high)):
        return NOT_MEASURABLE
    if direction == "similar":
        inside = -SIMILAR <= found.low and found.high <= SIMILAR
        outside = found.low > SIMILAR or found.high < -SIMILAR
        return REPRODUCED if inside else CONTRADICTED if outside else NOT_SHOWN
    low, high = (found.low, found.high) if direction == "higher" else (-found.high, -found.low)
    if low > 0:
        return PLANTED if planted else REPRODUCED
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
        out.append(
            Finding(measure, against, interval, verdict(interval, claim.direction, claim.planted))
        )
    return out


def candidates(
    claim: Claim, measure: str, differences: pd.DataFrame, selection: pd.DataFrame
) -> list[tuple[str, Interval | None]]:
    """(against, interval) of every comparison the claim is about, pooled over training seeds."""
    if claim.table == "differences":
        pooled = differences[
            (differences["seed"] == POOLED)
            & (differences["slice"] == "all")
            & (differences["family"] == MAIN)
            & (differences["measure"] == measure)
        ]
        return [
            (b, _interval(pooled[(pooled["row"] == a) & (pooled["against"] == b)], "difference"))
            for a, b in claim.pairs
        ]
    pooled = selection[selection["seed"] == POOLED]
    if claim.table == "shares":
        rows = pooled[(pooled["what"] == "win share") & (pooled["row"] == measure)]
        return [("nothing", _interval(rows, "value"))]
    rows = pooled[
        (pooled["what"] == "moe - best expert")
        & (pooled["row"] == MOE)
        & (pooled["kind"] == claim.table)
        & (pooled["measure"] == measure)
    ]
    return [(str(rows["against"].iloc[0]) if len(rows) else "", _interval(rows, "value"))]


def _interval(rows: pd.DataFrame, what: str) -> Interval | None:
    if not len(rows):
        return None
    first = rows.iloc[0]
    return Interval(float(first[what]), float(first["low"]), float(first["high"]))


def conclusion(found: list[Finding]) -> str:
    """One verdict if the measures agree, else how many say what."""
    verdicts = [f.verdict for f in found]
    if not verdicts:
        return NOT_MEASURABLE
    counts = {v: verdicts.count(v) for v in dict.fromkeys(verdicts)}
    if len(counts) == 1:
        return verdicts[0]
    return ", ".join(f"{v} ({n} of {len(verdicts)})" for v, n in counts.items())
