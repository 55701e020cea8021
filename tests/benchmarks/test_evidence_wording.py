"""The numbers that limit the wording of the evidence, on made-up records whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic_clips as world

from benchmarks.ablation.rows import Row, load_rows
from benchmarks.evidence.claims import MARGINS, Claim, Interval, findings, verdict
from benchmarks.evidence.records import (
    ALL_RIGHT,
    OPEN,
    WHEN_SEEN,
    Records,
    from_clips,
    with_derived,
)
from benchmarks.evidence.selection import DRAWS, EXPERTS
from benchmarks.evidence.wording import (
    choice_costs,
    other_noise,
    runs_of_cfg,
    shared_noise,
    signs,
    trainings,
    without_one_pair,
)
from tpige_kedro.schemas import Guidance, Variant

IDS = [f"seen{i:04d}" for i in range(60)]


def records_of(values: dict[str, np.ndarray], rows: list[Row] | None = None) -> Records:
    """Records with one measure, Overall and identity alike: row -> (seeds, samples)."""
    parts = []
    for name, table in values.items():
        for seed, column in enumerate(table):
            scores = {"overall": column, "identity": column}
            labels = {"seed": seed, "made_as": name, "sample_id": IDS[: len(column)]}
            parts.append(pd.DataFrame({**labels, "slice": "people", "hides": False, **scores}))
    return from_clips(pd.concat(parts, ignore_index=True), rows)


def noise(seed: int, seeds: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(seeds, len(IDS)))


def test_rows_of_the_same_noise_are_alike_and_others_are_not() -> None:
    shared = noise(0)
    records = records_of({"vace_pe": shared, DRAWS[0]: shared + 0.1 * noise(1), DRAWS[1]: noise(2)})
    alike, apart = (e["value"] for e in shared_noise(records))
    assert alike > 0.98 and abs(apart) < 0.3


def test_a_method_from_other_noise_gives_the_choice_more_to_choose_from() -> None:
    """Five methods that are nothing but noise: shared it is worth nothing, other noise of one is worth E max of two."""
    shared = noise(0)
    rows = dict.fromkeys(EXPERTS, shared) | {d: noise(i + 1) for i, d in enumerate(DRAWS[1:])}
    found = {(e["what"], e["measure"]): e["value"] for e in other_noise(records_of(rows), 0)}
    assert found["shared noise: MoE - GE", "overall"] == 0
    gain = found["GE from other noise: MoE - GE", "overall"]
    assert gain == pytest.approx(1 / np.sqrt(np.pi), abs=0.15)
    leads = [found[f"{w}: best of five - MoE", "overall"] for w in ("shared noise", "GE from other noise")]  # fmt: skip
    assert leads[0] > leads[1] > 0


@pytest.mark.parametrize(
    ("guidance", "expected"),
    [
        (Guidance(text_weight=1.0), 1.0),
        (Guidance(text_weight=0.0), 0.5),
        (Guidance(text_weight=1.0, identity_weight=0.5, weak_branch="t2v"), 1.385),
        (Guidance(text_weight=1.0, identity_weight=0.5, weak_branch="t2v", reuse_every=8), 1.096),
    ],
)
def test_the_unit_of_compute_is_a_run_of_plain_guidance(
    guidance: Guidance, expected: float
) -> None:
    cost = runs_of_cfg(Variant(generator="mini_vace", guidance=guidance), 20)
    assert cost == pytest.approx(expected, abs=0.001)


def test_five_draws_cost_more_than_five_methods() -> None:
    records = records_of({"vace": noise(0)})
    found = {e["what"]: e["value"] for e in choice_costs(records)}
    assert found["best of five, 20 steps"] == pytest.approx(6.93, abs=0.01)
    assert found["MoE of five experts, 20 steps"] == pytest.approx(5.63, abs=0.01)


def test_a_share_that_one_pair_carries_is_less_without_it() -> None:
    without = np.zeros((1, 60))
    whole = np.full((1, 60), 0.1) + 0.01 * noise(1, 1)
    reused = whole.copy()
    reused[0, 7] += 3.0
    rows = {r.name: reused for r in load_rows() if r.family == "schedule_half"}
    records = records_of({**rows, "vace_pe": without, "t2v": whole, "wc_1_wi_0.5": whole})
    found = {e["what"]: e["value"] for e in without_one_pair(records, 0)}
    every, others = (found[f"half_reuse_8, {w}"] for w in ("all pairs", "without one pair"))
    assert every == pytest.approx(1.5, abs=0.05) and others == pytest.approx(1.0, abs=0.02)


def test_signs_that_change_by_training_are_counted() -> None:
    steady, torn = np.full((2, 60), 0.1), np.array([[0.1] * 60, [-0.1] * 60])
    base = np.zeros((2, 60))
    large, changed = signs(records_of({"vace": base, "vace_pe": steady, "phantom": torn}))
    assert large["value"] == 2 * 3  # two measures, three pairs
    assert changed["value"] == 2 * 1  # vace - phantom; vace_pe - phantom is nothing or positive


def test_trainings_that_lie_apart_take_back_what_people_make_sure_of() -> None:
    about = {"row": "vace_pe", "against": "vace", "seed": "pooled", "slice": "all", "seeds": 3}
    steady = {"difference": 0.03, "low": 0.02, "high": 0.04, "seeds_sd": 0.002}
    wide = {"difference": 0.03, "low": 0.02, "high": 0.04, "seeds_sd": 0.02}
    unsure = {"difference": 0.03, "low": -0.02, "high": 0.08, "seeds_sd": 0.02}
    rows = [
        {**about, "measure": m, **x} for m, x in zip("abc", (steady, wide, unsure), strict=True)
    ]
    (found,) = trainings(pd.DataFrame(rows))
    assert found["measure"] == "b"
    assert found["high"] - found["value"] == pytest.approx(4.3027 * 0.02 / np.sqrt(3), rel=1e-4)


def test_what_can_fail_follows_from_the_records() -> None:
    clips = pd.DataFrame(
        {
            "role right": [1, 1, 0, 1, 1],
            "setting right": [1, 1, 1, 1, 1],
            "action right": [1, 1, 1, 0, 1],
            "face seen": [0.5, 1, 1, 1, 0],
            "attributes right": [0.5, 8 / 9, 1, 1, 0],
        }
    )
    found = with_derived(clips)
    assert found[ALL_RIGHT].tolist() == [1, 0, 0, 0, 0]
    assert found[WHEN_SEEN].tolist()[:4] == pytest.approx([1, 8 / 9, 1, 1])
    assert np.isnan(found[WHEN_SEEN].iloc[4])
    judged = clips.assign(**{ALL_RIGHT: [0.0, np.nan, 1, 1, 1]})  # newer clips say so themselves
    assert with_derived(judged)[ALL_RIGHT].tolist() == [0, 0, 1, 1, 1]
    assert ALL_RIGHT not in with_derived(clips.drop(columns="face seen"))


@pytest.mark.parametrize("measure", MARGINS)
def test_each_measure_has_a_margin_of_its_own(measure: str) -> None:
    margin = MARGINS[measure]
    near, far = Interval(0, -0.9 * margin, 0.9 * margin), Interval(0, 1.1 * margin, 2 * margin)
    assert verdict(near, "similar", margin=margin) == "reproduced"
    assert verdict(far, "similar", margin=margin) == "contradicted"
    table = pd.DataFrame(
        {"row": "a", "against": "b", "seed": "pooled", "slice": [OPEN, "all"], "measure": measure}
    ).assign(difference=0.0, low=[near.low, far.low], high=[near.high, far.high], seeds_min=0.0, seeds_max=0.0)  # fmt: skip
    for part, said in ((OPEN, "reproduced"), ("all", "contradicted")):
        claim = Claim("similar", (measure,), (("a", "b"),), "similar", slice=part)
        assert [f.verdict for f in findings(claim, table, pd.DataFrame())] == [said]


def test_they_are_written_beside_the_tables(out: Path) -> None:
    found = world.table(out, "wording")
    assert {"noise", "cost", "identity kept", "signs"} <= set(found["about"])
    assert "## What limits the wording" in (out / "tables.md").read_text()
