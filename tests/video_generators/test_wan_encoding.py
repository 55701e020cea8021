"""Prompts exactly as long as the model reads, and which pictures are one to the cache of latents."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from tpige_kedro.video_generators.wan_encoding import PictureEncoder, TextEncoder


@pytest.mark.parametrize(("tokens", "cut"), [(3, False), (4, False), (5, True)])
def test_a_prompt_of_just_the_length_is_whole(tokens: int, cut: bool) -> None:
    tokenizer: Any = lambda prompt: SimpleNamespace(input_ids=[1] * tokens)  # noqa: E731
    text = TextEncoder(lambda: None, tokenizer, 4, torch.device("cpu"), "keep")
    assert text.is_truncated("a prompt") is cut


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is encoded, in order; the latent is the number of the call."""
    seen: list[Any] = []

    def encode(self: PictureEncoder, pixels: Any) -> torch.Tensor:
        seen.append(pixels)
        return torch.tensor([len(seen)])

    monkeypatch.setattr(PictureEncoder, "encode", encode)
    monkeypatch.setattr(PictureEncoder, "_pixels", lambda self, picture: picture)
    return seen


def test_pictures_with_the_same_bytes_may_be_different(encoded: list[Any]) -> None:
    pictures = PictureEncoder(None, 32, 48, "lanczos")
    wide = Image.new("RGB", (8, 2), "red")
    tall, grey = Image.new("RGB", (2, 8), "red"), Image.frombytes("L", (8, 6), wide.tobytes())
    other = Image.new("RGB", (8, 2), "blue")
    assert wide.tobytes() == tall.tobytes() == grey.tobytes()
    made = [int(pictures.reference(p)) for p in (wide, tall, grey, other, wide.copy(), tall)]
    assert made == [1, 2, 3, 4, 1, 2] and encoded == [wide, tall, grey, other]


def test_plain_clips_are_known_by_value_and_length(encoded: list[Any]) -> None:
    pictures = PictureEncoder(None, 32, 48, "lanczos")
    made = [int(pictures.plain(*clip)) for clip in ((0.0, 9), (1.0, 9), (0.0, 1), (0.0, 9))]
    assert made == [1, 2, 3, 1]
    assert [tuple(clip.shape) for clip in encoded] == [(1, 3, n, 32, 48) for n in (9, 9, 1)]
