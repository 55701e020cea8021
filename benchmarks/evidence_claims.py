"""The sentences of the paper's section 4.5, each with the numbers that speak to it and a verdict by a rule.

The rule, for a difference with its 95 % interval:

* the interval lies on the stated side of zero: **reproduced**;
* it holds zero: **not shown**;
* it lies on the other side: **contradicted**;
* a sentence that says "similar" is reproduced if the interval lies within ``SIMILAR`` of zero, contradicted if it lies outside
  altogether, not shown otherwise;
* "no worse" is reproduced if the interval lies above minus ``SIMILAR``, contradicted if it lies below it.

What the mini world was built to show is **planted** where it is found: it says nothing of the method; nor does what a choice has
to show, **by construction**, in the scores that it was made by. A sentence about something
that nobody measured here, causes above all, is **not measurable here**.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from evidence_records import ALL, POOLED

REPRODUCED, NOT_SHOWN, CONTRADICTED = "reproduced", "not shown", "contradicted"
PLANTED, CONSTRUCTED = "planted by design", "by construction"
NOT_MEASURABLE = "not measurable here"
SIMILAR = 0.01  # the paper calls changes of up to .0087 (Table 3, GMEScore with PE) similar

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


IDENTITY = ("cur_score", "arc_score", "identity")
OTHERS = ("gme_score", "motion_smoothness", "imaging_quality")
PE, IE, GE = ("vace_pe", "vace"), ("vace_pe_ie", "vace_pe"), ("vace_pe_ge", "vace_pe")
CONTROL = ("vace_pe_ge", "vace_pe_cfg_matched")
BEST = (("vace_pe_ge", "vace"), GE, ("vace_pe_ge", "vace_pe_ie"))  # the other rows of Table 3
PARTS = ("gme_score", "cur_score", "arc_score", "motion_smoothness", "imaging_quality")

CLAIMS = [
    Claim("With PE, identity consistency improves significantly", IDENTITY, (PE,), instead=PLANTED),
    Claim(
        "… because PE injects facial features: likeness in the frames that show a face, which is not planted",
        ("identity when seen",),
        (PE,),
    ),
    Claim("… while other metrics remain similar", OTHERS, (PE,), "similar"),
    Claim("… the overall score increases noticeably", ("overall",), (PE,), instead=PLANTED),
    Claim(
        "Adding IE to PE improves text alignment",
        ("gme_score", "text match", "attributes right"),
        (IE,),
    ),
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
        instead=CONSTRUCTED,
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
        instead=PLANTED,
    ),
    Claim("… GE's part of it", (*IDENTITY, "overall"), (("phantom_pe_ge", "phantom_pe"),)),
]

BEST_SCALE = (("vace_pe_ge_tuned", "vace_pe_cfg_best"),)
EVERY_SCALE = tuple(
    ("vace_pe_ge_tuned", f"wc_{w}") for w in ("0", "0.5", "1", "1.5", "2", "3", "4", "5", "6")
)
QUESTIONS = [
    Claim(
        "GE, tuned on other people, is above the text scale that was best on the same: identity",
        ("identity", "identity when seen"),
        BEST_SCALE,
    ),
    Claim("… at no worse a text match", ("text match",), BEST_SCALE, "no worse"),
    Claim(
        "… and above every text scale from 1 to 7, by whichever is nearest",
        ("identity", "identity when seen"),
        EVERY_SCALE,
    ),
    Claim("GE as shipped is above the same text guidance", ("identity", "overall"), (CONTROL,)),
    Claim("… at no worse a text match", ("text match",), (CONTROL,), "no worse"),
    Claim(
        "MoE is above the best of as many draws of vace_pe_ge, by the metric left out of both choices",
        PARTS,
        table="left out",
        over="moe - best of n",
    ),
    Claim(
        "… and by a judge that no choice looked at",
        ("identity", "text match"),
        table="independent",
        over="moe - best of n",
    ),
    Claim(
        "Several draws are worth choosing among: best of n above one draw, by the metric left out",
        PARTS,
        table="left out",
        over="best of n - one draw",
    ),
]


def verdict(
    found: Interval | None, direction: Direction = "higher", instead: str = REPRODUCED
) -> str:
    """The rule at the top of this file; no interval is not measurable."""
    if found is None or not (math.isfinite(found.low) and math.isfinite(found.high)):
        return NOT_MEASURABLE
    if direction == "similar":
        inside = found.low >= -SIMILAR and found.high <= SIMILAR
        outside = found.low > SIMILAR or found.high < -SIMILAR
        return REPRODUCED if inside else CONTRADICTED if outside else NOT_SHOWN
    if direction == "no worse":
        if found.low >= -SIMILAR:
            return REPRODUCED
        return CONTRADICTED if found.high < -SIMILAR else NOT_SHOWN
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
        out.append(
            Finding(measure, against, interval, verdict(interval, claim.direction, claim.instead))
        )
    return out


def candidates(
    claim: Claim, measure: str, differences: pd.DataFrame, selection: pd.DataFrame
) -> list[tuple[str, Interval | None]]:
    """(against, interval) of every comparison the claim is about, pooled over training seeds."""
    if claim.table == "differences":
        pooled = differences[
            (differences["seed"] == POOLED)
            & (differences["slice"] == ALL)
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
