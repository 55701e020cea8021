"""Pictures and prompts are encoded once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_wan import OPTIONS
from vace_runs import GUIDED, PLAIN, PROMPT, one, request

from tpige_kedro.video_generators.wan_vace import WanVace


def test_pictures_and_prompts_are_encoded_once(
    vace_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = WanVace(str(vace_folder), **OPTIONS)
    encoded: list[tuple[int, ...]] = []
    vae_encode, embed = generator.pipeline.vae.encode, generator.text._embed
    texts: list[str] = []
    monkeypatch.setattr(
        generator.pipeline.vae,
        "encode",
        lambda video: encoded.append(tuple(video.shape)) or vae_encode(video),
    )
    monkeypatch.setattr(
        generator.text,
        "_embed",
        lambda encoder, prompt: texts.append(prompt) or embed(encoder, prompt),
    )
    blank = GUIDED.model_copy(update={"weak_branch": "blank_reference"})
    for guidance in (PLAIN, GUIDED, blank, blank):
        list(
            generator.generate(
                [request("a"), request("b", seed=1), request("c", references=(5,))], guidance
            )
        )
    # one grey clip, two different references, one white canvas
    assert sorted(shape[2] for shape in encoded) == [1, 1, 1, 9]
    assert sorted(texts) == sorted([PROMPT, OPTIONS["negative_prompt"]])


def test_a_freed_text_encoder_is_loaded_again_only_for_new_prompts(
    vace_folder: Path, generator: WanVace
) -> None:
    freeing = WanVace(str(vace_folder), **OPTIONS, free_text_encoder=True)
    frames = one(freeing, request(), GUIDED).frames
    assert freeing.text._encoder is None
    assert np.array_equal(frames, one(generator, request(), GUIDED).frames)
    again = request(prompt="a chef in the snow")
    assert np.array_equal(one(freeing, again, PLAIN).frames, one(generator, again, PLAIN).frames)
