from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler, WanPipeline, WanVACEPipeline
from tiny_wan import OPTIONS, picture

from tpige_kedro.guidance.skipping import skipped_layers
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip

PROMPT, NEGATIVE = "a video of a chef in the snow", OPTIONS["negative_prompt"]
GUIDANCE = Guidance(text_weight=7.5, identity_weight=0.5, skip_layers=(2,))


@pytest.fixture(scope="module")
def generator(phantom_folder: Path, vace_folder: Path) -> Phantom:
    return Phantom(str(phantom_folder), base=str(vace_folder), **OPTIONS, batch_size=2)


def sample(
    generator: Phantom, requests: list[ClipRequest], guidance: Guidance
) -> tuple[np.ndarray, torch.Tensor]:
    generator.text.prepare([NEGATIVE, *(r.prompt for r in requests)])
    conditions = [generator.conditions(r, guidance) for r in requests]
    return generator.sample(requests, conditions, guidance, generator.guider(guidance))


@torch.no_grad()
def by_hand(generator: Phantom, request: ClipRequest) -> torch.Tensor:
    """Phantom's published loop with the identity term, written out."""
    generator.text.prepare([NEGATIVE, request.prompt])
    text, negative = generator.text[request.prompt], generator.text[NEGATIVE]
    none = torch.zeros(1, 16, 0, 4, 6)
    pictures = [generator.pictures.reference(p) for p in request.references]
    references = torch.cat([none, *pictures], dim=2)
    count, model = references.shape[2], generator.transformer
    scheduler = UniPCMultistepScheduler.from_config(generator.pipeline.scheduler.config)
    scheduler.set_timesteps(OPTIONS["steps"])
    x = torch.randn(1, 16, 3 + count, 4, 6, generator=torch.Generator().manual_seed(request.seed))
    for t in scheduler.timesteps:
        with_reference = torch.cat([x[:, :, :3], references], dim=2)
        without = torch.cat([x[:, :, :3], torch.zeros_like(references)], dim=2)
        it = model(with_reference, t[None], text).sample
        i = model(with_reference, t[None], negative).sample
        n = model(without, t[None], negative).sample
        with skipped_layers(model, GUIDANCE.skip_layers):
            w = model(without, t[None], text).sample
        eps = n + 5.0 * (i - n) + 7.5 * (it - i) + 0.5 * (it - w)
        x = scheduler.step(eps, t, x, return_dict=False)[0]
    return x[:, :, :3]


@pytest.mark.parametrize("pictures", [(0,), (0, 1, 2), ()])
def test_it_is_the_published_loop_with_the_identity_term(
    generator: Phantom, pictures: tuple[int, ...]
) -> None:
    request = ClipRequest("s1", PROMPT, tuple(map(picture, pictures)), 3)
    videos, latents = sample(generator, [request], GUIDANCE)
    assert videos.shape == (1, 9, 32, 48, 3)
    torch.testing.assert_close(latents, by_hand(generator, request), atol=5e-4, rtol=0)


def test_a_batch_equals_single_runs(generator: Phantom) -> None:
    requests = [ClipRequest(f"s{i}", PROMPT, (picture(i),), i) for i in range(2)]
    batch, _ = sample(generator, requests, GUIDANCE)
    for request, clip in zip(requests, batch, strict=True):
        np.testing.assert_allclose(clip, sample(generator, [request], GUIDANCE)[0][0], atol=1e-4)


@pytest.mark.parametrize(
    ("image_scale", "guidance", "forwards"),
    [
        (5.0, Guidance(text_weight=7.5), {"cond": 3, "uncond": 3, "null": 3}),
        (5.0, GUIDANCE, {"cond": 3, "uncond": 3, "null": 3, "weak": 3}),
        (1.0, GUIDANCE, {"cond": 3, "uncond": 3, "weak": 3}),
    ],
)
def test_forwards(
    phantom_folder: Path,
    vace_folder: Path,
    image_scale: float,
    guidance: Guidance,
    forwards: dict[str, int],
) -> None:
    generator = Phantom(
        str(phantom_folder), base=str(vace_folder), image_scale=image_scale, **OPTIONS
    )
    ((_, clip),) = generator.generate([ClipRequest("s1", PROMPT, (picture(),), 1)], guidance)
    assert isinstance(clip, GeneratedClip)
    assert clip.details["forwards"] == forwards
    assert clip.details["image_scale"] == image_scale


@pytest.mark.parametrize("form", ["t2v", "blank_reference"])
def test_weak_forms_of_vace_are_refused(generator: Phantom, form: Any) -> None:
    with pytest.raises(ValueError, match=f"weak_branch: '{form}'"):
        next(generator.generate([], Guidance(weak_branch=form)))


def test_without_references_it_is_plain_wan_text_to_video_with_layer_skip_guidance(
    phantom_folder: Path, vace_folder: Path
) -> None:
    generator = Phantom(str(phantom_folder), base=str(vace_folder), image_scale=1.0, **OPTIONS)
    parts = WanVACEPipeline.from_pretrained(vace_folder).components
    stock = WanPipeline(**{**parts, "transformer": generator.transformer, "transformer_2": None})
    stock.set_progress_bar_config(disable=True)
    expected = stock(
        PROMPT,
        NEGATIVE,
        height=32,
        width=48,
        num_frames=9,
        num_inference_steps=3,
        guidance_scale=5.0,
        generator=torch.Generator().manual_seed(4),
        max_sequence_length=12,
    ).frames
    request = ClipRequest("s1", PROMPT, (), 4)
    plain, _ = sample(generator, [request], Guidance(text_weight=5.0))
    np.testing.assert_allclose(plain, expected, atol=1e-5)
    skipping = Guidance(text_weight=5.0, identity_weight=1.0, skip_layers=(2,))
    assert not np.allclose(sample(generator, [request], skipping)[0], expected, atol=1e-3)
