"""Variants in words: what differs in a setting reads differently."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from tpige_kedro.pipelines.generation_variants.descriptions import describe
from tpige_kedro.schemas import ModelSpec, Variant

MODEL = ModelSpec(type="fakes.Generator", source="weights", licence="Apache-2.0")
SERVICE = MODEL.model_copy(update={"source": None})
GUIDED: dict[str, Any] = {"text_weight": 1, "identity_weight": 0.5, "weak_branch": "t2v"}


@pytest.mark.parametrize(
    ("guidance", "words"),
    [
        ({"text_weight": 1}, "W_c 1"),
        (GUIDED, "W_c 1 · W_i 0.5 · t2v"),
        ({**GUIDED, "reuse_every": 8}, "W_c 1 · W_i 0.5 · t2v · reused for 8 steps"),
        (
            {**GUIDED, "identity_schedule": {"start": 0.5, "decay": "linear"}},
            "W_c 1 · W_i 0.5 · linear decay · in [0.5, 1) · t2v",
        ),
        (
            {"text_weight": 6, "identity_weight": 0.5, "skip_layers": [2, 3]},
            "W_c 6 · W_i 0.5 · as published · without layer 2, 3",
        ),
    ],
)
def test_guidance_in_words(guidance: dict[str, Any], words: str) -> None:
    variant = Variant(generator="vace", prompt="enhanced", guidance=guidance)
    assert describe(variant, MODEL) == f"vace · enhanced prompt · {words}"
    assert describe(variant, SERVICE) == "vace · enhanced prompt"


def test_whatever_is_changed_is_read() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"reuse_every": 2},
        {"skip_layers": [2]},
        {"weak_branch": "aligned"},
        {"text_schedule": {"stop": 0.5}},
        {"identity_schedule": {"stop": 0.5}},
        {"identity_schedule": {"decay": "cosine"}},
        {"identity_schedule": {"decay": "exponential"}},
        {"identity_schedule": {"decay": "exponential", "rate": 2}},
    ]
    told = [describe(Variant(generator="vace", guidance={**GUIDED, **c}), MODEL) for c in changes]
    assert all(one != other for one, other in combinations(told, 2))
    own = Variant(generator="vace", noise="own")
    assert describe(own, SERVICE) == "vace · noise of its own"
