"""The same numbers as the library's own pipeline, bit for bit where nothing of ours is on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanVACEPipeline
from PIL import Image
from tiny_wan import OPTIONS, picture
from vace_runs import PLAIN, floats, one, request

from tpige_kedro.errors import SampleError
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest, SourceVideo
from tpige_kedro.video_generators.wan_vace import WanVace


@pytest.fixture(scope="module")
def stock_letterbox(vace_folder: Path) -> WanVace:
    return WanVace(str(vace_folder), **OPTIONS, letterbox="stock")


@pytest.fixture(scope="module")
def pipeline(vace_folder: Path) -> WanVACEPipeline:
    loaded = WanVACEPipeline.from_pretrained(vace_folder)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def stock(
    pipeline: WanVACEPipeline, made: ClipRequest, scale: float = 5.0, **more: Any
) -> np.ndarray:
    clip: np.ndarray = pipeline(
        prompt=made.prompt,
        negative_prompt=OPTIONS["negative_prompt"],
        reference_images=list(made.references) or None,
        height=32,
        width=48,
        num_frames=9,
        num_inference_steps=3,
        guidance_scale=scale,
        generator=torch.Generator().manual_seed(made.seed),
        max_sequence_length=12,
        **more,
    ).frames[0]
    return clip


@pytest.mark.parametrize("references", [(0,), ()])
@pytest.mark.parametrize("text_weight", [4.0, 0.0])
def test_without_identity_weight_bit_equal_to_the_stock_pipeline(
    stock_letterbox: WanVace,
    pipeline: WanVACEPipeline,
    references: tuple[int, ...],
    text_weight: float,
) -> None:
    made = request(references=references)
    expected = stock(pipeline, made, 1 + text_weight)
    guidance = Guidance(text_weight=text_weight)
    assert expected.std() > 0.01
    assert np.array_equal(floats(stock_letterbox, [made], guidance)[0], expected)
    clip = one(stock_letterbox, made, guidance)
    assert clip.frames.dtype == np.uint8
    assert np.array_equal(clip.frames, (expected * 255).round())


def test_references_keep_the_authors_order_which_the_stock_pipeline_reverses(
    stock_letterbox: WanVace, pipeline: WanVACEPipeline
) -> None:
    made, swapped = request(references=(0, 1)), request(references=(1, 0))
    ours = floats(stock_letterbox, [made], PLAIN)[0]
    assert np.array_equal(ours, stock(pipeline, swapped))
    assert not np.array_equal(ours, stock(pipeline, made))


def test_a_source_video_with_mask_is_what_the_stock_pipeline_makes_of_it(
    stock_letterbox: WanVace, pipeline: WanVACEPipeline
) -> None:
    frames = np.stack([np.asarray(picture(i, (48, 32))) for i in range(9)])
    mask = np.zeros((9, 32, 48), np.uint8)
    mask[:, 8:24, 16:40] = 255
    mask[:, :8], mask[:, 24:] = 127, 128  # as scaled masks have at their edges: kept, redrawn
    made = request(source_video=SourceVideo(frames, mask))
    expected = stock(
        pipeline,
        made,
        video=[Image.fromarray(frame) for frame in frames],
        mask=[Image.fromarray(frame) for frame in mask],
    )
    ours = floats(stock_letterbox, [made], PLAIN)[0]
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert not np.allclose(ours, stock(pipeline, request()), atol=1e-4)


def test_a_source_video_of_another_length_is_the_samples_error(generator: WanVace) -> None:
    short = SourceVideo(np.zeros((5, 32, 48, 3), np.uint8))
    ((_, error),) = generator.generate([request("s9", source_video=short)], PLAIN)
    assert isinstance(error, SampleError)
    assert "s9" in str(error)
    assert "9 frames" in str(error)
