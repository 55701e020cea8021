"""The rule of the verdicts, on made-up cases and on the made-up world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import synthetic_clips as world

from benchmarks.evidence.claims import (
    CONTRADICTED,
    NOT_MEASURABLE,
    NOT_SHOWN,
    PLANTED,
    REPRODUCED,
    Claim,
    Interval,
    conclusion,
    findings,
    verdict,
)
from benchmarks.evidence.sentences import QUESTIONS


@pytest.mark.parametrize(
    ("low", "high", "direction", "expected"),
    [
        (0.01, 0.03, "higher", REPRODUCED),
        (-0.01, 0.03, "higher", NOT_SHOWN),
        (-0.03, -0.01, "higher", CONTRADICTED),
        (-0.03, -0.01, "lower", REPRODUCED),
        (-0.03, 0.01, "lower", NOT_SHOWN),
        (0.01, 0.03, "lower", CONTRADICTED),
        (0.0, 0.0, "higher", NOT_SHOWN),
        (0.001, 0.009, "similar", REPRODUCED),  # other than zero, but as close as the paper's own
        (-0.02, 0.009, "similar", NOT_SHOWN),
        (0.011, 0.03, "similar", CONTRADICTED),
        (-0.009, 0.5, "no worse", REPRODUCED),
        (-0.02, 0.5, "no worse", NOT_SHOWN),
        (-0.03, -0.02, "no worse", CONTRADICTED),
        (np.nan, np.nan, "higher", NOT_MEASURABLE),
    ],
)
def test_verdicts_follow_the_rule(low: float, high: float, direction: str, expected: str) -> None:
    assert verdict(Interval((low + high) / 2, low, high), direction) == expected


def test_what_was_planted_is_no_finding_but_its_absence_is() -> None:
    assert verdict(Interval(0.2, 0.1, 0.3), instead=PLANTED) == PLANTED
    assert verdict(Interval(-0.2, -0.3, -0.1), instead=PLANTED) == CONTRADICTED
    assert verdict(None) == NOT_MEASURABLE


def test_a_best_row_has_to_beat_every_other_and_is_judged_by_the_nearest(out: Path) -> None:
    differences, selection = world.table(out, "differences"), world.table(out, "selection")
    pairs = (("vace_pe_ge", "vace_pe_ie"), ("vace_pe_ge", "vace_pe"))
    (found,) = findings(Claim("best", ("identity when seen",), pairs), differences, selection)
    assert (found.against, found.verdict) == ("vace_pe", REPRODUCED)
    (lower,) = findings(
        Claim("lowest", ("face_feature_sqdist",), pairs, "lower"), differences, selection
    )
    assert (lower.against, lower.verdict) == ("vace_pe", REPRODUCED)
    unknown = findings(
        Claim("?", ("identity",), (("phantom_pe", "phantom"),)), differences, selection
    )
    assert conclusion(unknown) == NOT_MEASURABLE


def test_verdicts_of_the_made_up_world(out: Path) -> None:
    lines = (out / "tables.md").read_text().splitlines()
    said = {
        cells[1].strip(): cells[2].strip()
        for cells in (line.split("|") for line in lines)
        if len(cells) == 5
    }
    assert said["With PE, identity consistency improves significantly"] == PLANTED
    assert said["… but decreases identity consistency"] == REPRODUCED
    assert said["… and imaging quality"] == NOT_SHOWN
    assert said["… but increases the diversity of the clips"] == NOT_MEASURABLE
    assert said["… GE's part of it"] == NOT_MEASURABLE  # phantom_pe has no clips
    claim = next(c for c in QUESTIONS if c.sentence == "… at no worse a text match")
    tables = (world.table(out, name) for name in ("differences", "selection"))
    text = {f.measure: f.verdict for f in findings(claim, *tables)}
    assert text["text match"] == NOT_SHOWN  # 200 samples are too few for a margin of .002
    assert text["all right"] == NOT_MEASURABLE  # the made-up clips have no setting
    assert said["… since identity is measured against the original reference"] == NOT_MEASURABLE
