"""Options that save memory leave the clip as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_wan import OPTIONS
from vace_runs import GUIDED, one, request

from tpige_kedro.video_generators.wan_vace import WanVace


@pytest.mark.parametrize(
    "options", [{"offload": "model"}, {"offload": "group"}, {"vae_tiling": True}]
)
def test_memory_options_leave_the_small_clip_as_it_is(
    vace_folder: Path, generator: WanVace, options: dict[str, Any]
) -> None:
    saving = WanVace(str(vace_folder), **OPTIONS, **options)
    for form in ("as_published", "t2v"):
        guidance = GUIDED.model_copy(update={"weak_branch": form})
        expected = one(generator, request(), guidance).frames.astype(int)
        assert np.abs(one(saving, request(), guidance).frames - expected).max() <= 1


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("option", [{"offload": "group"}, {"stream_text_encoder": True}])
def test_layers_of_a_streamed_text_encoder_are_there_only_while_they_compute(
    vace_folder: Path, generator: WanVace, free: bool, option: dict[str, Any]
) -> None:
    saving = WanVace(str(vace_folder), **OPTIONS, **option, free_text_encoder=free)
    away: list[bool] = []
    for prompts in (
        ["a man"],
        ["a man", "a woman"],
    ):  # the second time it is there, or loaded again
        for text in (generator.text, saving.text):
            text.prepare(prompts)
        encoder = saving.text._encoder
        assert (encoder is None) == free
        if encoder is not None:
            away += [weight.is_meta for weight in encoder.parameters()]
        assert torch.equal(saving.text[prompts[-1]], generator.text[prompts[-1]])
    assert all(away) and bool(away) != free


def test_fp8_storage_keeps_the_weights_in_eight_bits(vace_folder: Path, generator: WanVace) -> None:
    saving = WanVace(str(vace_folder), **OPTIONS, fp8_storage=True)
    assert saving.transformer.blocks[0].ffn.net[2].weight.dtype == torch.float8_e4m3fn
    frames = one(saving, request(), GUIDED).frames.astype(int)
    assert np.abs(frames - one(generator, request(), GUIDED).frames).mean() < 10


def test_bfloat16_keeps_the_time_embedding_in_float32(vace_folder: Path) -> None:
    half = WanVace(str(vace_folder), **OPTIONS, dtype="bfloat16")
    assert half.transformer.blocks[0].attn1.to_q.weight.dtype == torch.bfloat16
    assert half.transformer.condition_embedder.time_embedder.linear_1.weight.dtype == torch.float32
    assert half.pipeline.vae.dtype == torch.float32
    assert one(half, request(), GUIDED).details["dtype"] == "bfloat16"
