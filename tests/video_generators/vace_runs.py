"""Requests to tiny VACE generators and their answers: what the tests of the generator share."""

from __future__ import annotations

from typing import Any

import numpy as np
from tiny_wan import OPTIONS, picture

from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from tpige_kedro.video_generators.wan_vace import WanVace

PROMPT = "a video of a king waving in the rain"
PLAIN = Guidance(text_weight=4.0)
GUIDED = Guidance(text_weight=4.0, identity_weight=0.5, skip_layers=(2,))
FORMS = ["as_published", "aligned", "blank_reference", "t2v", "with_reference"]


def request(
    sample_id: str = "s1", seed: int = 7, references: tuple[int, ...] = (0,), **more: Any
) -> ClipRequest:
    return ClipRequest(
        sample_id, more.pop("prompt", PROMPT), tuple(picture(i) for i in references), seed, **more
    )


def floats(generator: WanVace, requests: list[ClipRequest], guidance: Guidance) -> np.ndarray:
    """The clips before rounding."""
    generator.text.prepare([OPTIONS["negative_prompt"], *(r.prompt for r in requests)])
    conditions = [generator.conditions(r, guidance) for r in requests]
    return generator.sample(requests, conditions, guidance, generator.guider(guidance))[0]


def one(generator: WanVace, made: ClipRequest, guidance: Guidance) -> GeneratedClip:
    ((_, clip),) = generator.generate([made], guidance)
    assert isinstance(clip, GeneratedClip), clip
    return clip
