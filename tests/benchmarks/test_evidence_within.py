"""What likeness may be bought with: a pasted portrait, a still clip and a wandering face are each seen where they were put in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.evidence.records import Records, from_clips
from benchmarks.evidence.within import MEASURES, PASTED, as_text

IDS = [f"seen{i:04d}" for i in range(60)]


def records(**changes: dict[str, float]) -> Records:
    """Rows that differ by ``changes`` and by little noise."""
    rng = np.random.default_rng(0)
    person = rng.normal(0.5, 0.1, len(IDS))
    parts = []
    for name, change in changes.items():
        labels = {"seed": 0, "made_as": name, "sample_id": IDS, "slice": "people", "hides": False}
        values = {m: person + change.get(m, 0.0) + rng.normal(0, 1e-4, len(IDS)) for m in MEASURES}
        parts.append(pd.DataFrame({**labels, **values}))
    return from_clips(pd.concat(parts, ignore_index=True))


def cells(lines: list[str], first: str) -> dict[str, float]:
    """The means in the line that begins with ``first``, by measure."""
    line = next(line for line in lines if line.startswith(f"| {first} |"))
    found = [cell.split(" [")[0].replace("−", "-") for cell in line.strip("| ").split(" | ")[1:]]
    return dict(zip((*MEASURES, PASTED), map(float, found[: len(MEASURES) + 1]), strict=True))


def test_each_fault_shows_in_its_own_column() -> None:
    lines = as_text(
        records(
            vace_pe={},
            half_reuse_8={"identity": 0.1, "motion_amplitude": -0.2},
            vace_pe_ie={"identity": 0.1, "identity, other portrait": 0.1, "identity spread": 0.3},
        )
    )
    assert lines[0] == "n = 60 pairs, 1 training(s)"
    pasted = cells(lines, "`half_reuse_8` − `vace_pe`")
    assert pasted[PASTED] == pytest.approx(0.1, abs=1e-3)
    assert pasted["motion_amplitude"] == pytest.approx(-0.2, abs=1e-3)
    wandering = cells(lines, "`vace_pe_ie` − `vace_pe`")
    assert wandering[PASTED] == pytest.approx(0, abs=1e-3)
    assert wandering["identity spread"] == pytest.approx(0.3, abs=1e-3)
    assert cells(lines, "`vace_pe`")["identity"] == pytest.approx(0.5, abs=0.05)
    assert not any("phantom" in line for line in lines)  # which nobody made


def test_ratios_are_of_the_means() -> None:
    lines = as_text(records(vace_pe={}, half_reuse_8={"flicker": 0.5}))
    line = next(line for line in lines if line.startswith("| `half_reuse_8` − `vace_pe`"))
    _, flicker, spread = line.strip("| ").split(" | ")[-1].split(" · ")
    assert float(flicker) == pytest.approx(2, abs=0.1) and float(spread) == pytest.approx(
        1, abs=0.01
    )
