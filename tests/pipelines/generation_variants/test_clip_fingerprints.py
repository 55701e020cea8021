"""What decides the pixels of a clip is in its fingerprint, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from clip_stage import ENHANCED, MODEL, PLAIN, PROMPTS, SAMPLES, Stage

import fakes
from tpige_kedro.schemas import Variant

CHANGES: dict[str, dict[str, Any]] = {
    "guidance": {
        "variant": Variant.model_validate(
            {**ENHANCED.model_dump(), "guidance": {"identity_weight": 0.7}}
        )
    },
    "model option": {
        "models": {
            "m": MODEL.model_copy(update={"options": {**MODEL.options, "steps": 4}}),
        }
    },
    "weights": {
        "models": {"m": MODEL.model_copy(update={"source": "owner/name", "revision": "abc"})}
    },
    "prompt": {"prompts": PROMPTS.assign(enhanced_prompt="Another.")},
    "picture": {"drawn": {"s1": 10, "s2": 10}},
    "seed": {"seed": 1},
}


def marks_after(stage: Stage, variant: Variant = ENHANCED, **changes: Any) -> dict[str, str]:
    for name, value in changes.items():
        setattr(stage, name, value)
    return stage.marks(variant)


@pytest.mark.parametrize("what", CHANGES)
def test_what_decides_the_clip_changes_the_fingerprint(stage: Stage, what: str) -> None:
    before = stage.marks()
    assert marks_after(stage, **CHANGES[what])["s1"] != before["s1"]


def test_a_new_version_of_the_generator_changes_the_fingerprint(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stage.marks()
    monkeypatch.setattr(fakes.Generator, "version", 2)
    assert stage.marks()["s1"] != before["s1"]


SAME: dict[str, dict[str, Any]] = {
    "batch size": {
        "models": {
            "m": MODEL.model_copy(
                update={"options": {"steps": 3, "batch_size": 1, "device": "cuda"}}
            )
        }
    },
    "licence": {"models": {"m": MODEL.model_copy(update={"licence": "MIT"})}},
    "original prompt": {"samples": SAMPLES.assign(prompt="unused by this variant")},
    "other samples": {"samples": SAMPLES.iloc[:1]},
}


@pytest.mark.parametrize("what", SAME)
def test_what_does_not_decide_it_leaves_it(stage: Stage, what: str) -> None:
    before = stage.marks()
    assert marks_after(stage, **SAME[what])["s1"] == before["s1"]


def test_an_original_picture_that_the_variant_does_not_see_leaves_it(stage: Stage) -> None:
    before, plain = stage.marks(), stage.marks(PLAIN)
    stage.picture("a.png", 200)
    assert stage.marks() == before
    changed = stage.marks(PLAIN)
    assert changed["s1"] != plain["s1"] and changed["s2"] == plain["s2"]
