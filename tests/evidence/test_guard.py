"""Regression guard: the shipped mini models still do what the evidence says, and a product broken on purpose is caught.

Sixteen pairs of unseen people, six steps. The bounds are not opinions: ``benchmarks/guard/bounds.py`` derives them from the spread
between other people. A bound that fails after a deliberate change of models or defaults is to be derived again, never edited.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any
from unittest.mock import patch

import pandas as pd
import pytest

from benchmarks.guard.bounds import FILE, NO_PE, SHUFFLED, ShuffledChoice
from benchmarks.guard.checks import (
    CHECKS,
    GUIDANCE,
    LEFT_OUT,
    LIKENESS,
    OPENS,
    hold,
    replaced,
    with_mutant,
)
from benchmarks.guard.clips import FLIPPED, GUARD, IGNORED, JOBS, judged_clips
from tpige_kedro.pipelines.moe_selection import candidates

pytestmark = pytest.mark.timeout(1200)  # its clips take two minutes on an idle core

MUTANT_PAIRS = (
    GUARD.pairs // 2
)  # a mutant that half of the pairs give away would not hide among all of them


@pytest.fixture(scope="module")
def made() -> pd.DataFrame:
    """All clips, those of the mutants too; in this process, for pytest-xdist has one for each core."""
    jobs = [replace(job, pairs=MUTANT_PAIRS if job.mutant else None) for job in JOBS]
    return judged_clips(jobs, GUARD, processes=1)


@pytest.fixture(scope="module")
def clips(made: pd.DataFrame) -> pd.DataFrame:
    return with_mutant(made, "")


@pytest.fixture(scope="module")
def evidence() -> dict[str, Any]:
    return json.loads(FILE.read_text())


@pytest.fixture(scope="module")
def bounds(evidence: dict[str, Any]) -> dict[str, float]:
    return {name: check["bound"] for name, check in evidence["checks"].items()}


def test_the_bounds_are_for_these_clips_and_from_others(evidence: dict[str, Any]) -> None:
    assert evidence["made for"].items() <= asdict(GUARD).items()
    assert set(evidence["checks"]) == set(CHECKS)
    assert evidence["measured on"]["seed"] != GUARD.seed
    assert evidence["measured on"]["steps"] == GUARD.steps
    assert evidence["measured on"]["pairs"] >= 2 * GUARD.pairs


def test_false_alarms_are_rare_and_broken_products_are_not_missed(evidence: dict[str, Any]) -> None:
    assert evidence["false alarm of one check"] * len(CHECKS) <= 0.05
    failed = evidence["share of sets that fail"]
    assert failed["none"]["any"] <= 0.05
    assert min(failed[broken]["any"] for broken in (FLIPPED, IGNORED, SHUFFLED, NO_PE)) >= 0.95


@pytest.mark.parametrize("check", CHECKS)
def test_the_product_holds(clips: pd.DataFrame, bounds: dict[str, float], check: str) -> None:
    hold(clips, {check: bounds[check]})


@pytest.mark.parametrize(("mutant", "check"), [(FLIPPED, GUIDANCE), (IGNORED, LIKENESS)])
def test_a_broken_product_fails(
    made: pd.DataFrame, bounds: dict[str, float], mutant: str, check: str
) -> None:
    """The sign of the identity term flipped; the reference ignored. On the same pairs the whole product holds."""
    pairs = made[made["mutant"] == mutant]["sample_id"].unique()
    assert len(pairs) == MUTANT_PAIRS
    found = made[made["sample_id"].isin(pairs)]
    hold(with_mutant(found, ""), bounds)
    with pytest.raises(AssertionError, match=check):
        hold(with_mutant(found, mutant), bounds)


@pytest.mark.parametrize("seed", range(10))
def test_a_selection_by_a_shuffled_score_fails(
    clips: pd.DataFrame, bounds: dict[str, float], seed: int
) -> None:
    with (
        patch.object(candidates, "best_variants", ShuffledChoice(seed)),
        pytest.raises(AssertionError, match=LEFT_OUT.format("(cur|arc|gme)_score")),
    ):
        hold(clips, bounds)


def test_a_prompt_enhancement_that_does_nothing_fails(
    clips: pd.DataFrame, bounds: dict[str, float]
) -> None:
    with pytest.raises(AssertionError, match=OPENS):
        hold(replaced(clips, "vace_pe", by="vace"), bounds)


def test_a_score_that_is_not_there_fails(clips: pd.DataFrame, bounds: dict[str, float]) -> None:
    with pytest.raises(AssertionError, match=GUIDANCE):
        hold(clips.assign(identity=float("nan")), bounds)
