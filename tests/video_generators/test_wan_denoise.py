"""Which latent frames each branch sees."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tpige_kedro.video_generators.wan_denoise import PhantomDenoiser, VaceDenoiser


def state(**more: Any) -> Any:
    """Five latent frames that hold their own numbers, of two clips."""
    latents = torch.arange(5.0).view(1, 1, 5, 1, 1).expand(2, 16, 5, 2, 3).clone()
    return SimpleNamespace(latents=latents, dtype=torch.bfloat16, **more)


def frames(latents: torch.Tensor) -> list[float]:
    assert latents.dtype == torch.bfloat16 and latents.shape[:2] == (2, 16)
    return latents[0, 0, :, 0, 0].tolist()


@pytest.mark.parametrize("references", [0, 1, 2])
def test_the_plain_twin_sees_no_frames_of_references(references: int) -> None:
    twin = state(weak_transformer=object(), num_reference_images=references)
    VaceDenoiser().views(twin)
    assert frames(twin.latents_seen) == [0, 1, 2, 3, 4]
    assert frames(twin.latents_weak) == [0, 1, 2, 3, 4][references:]


def test_without_a_twin_the_weak_branch_sees_all_frames() -> None:
    same = state(weak_transformer=None, num_reference_images=2)
    VaceDenoiser().views(same)
    assert frames(same.latents_weak) == frames(same.latents_seen) == [0, 1, 2, 3, 4]


def test_the_last_frames_of_phantom_are_its_references_or_empty() -> None:
    seen = state(reference_latents=torch.full((2, 16, 2, 2, 3), 9.0))
    PhantomDenoiser().views(seen)
    assert frames(seen.latents_with_ref) == [0, 1, 2, 9, 9]
    assert frames(seen.latents_no_ref) == [0, 1, 2, 0, 0]
