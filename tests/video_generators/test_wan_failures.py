"""What goes wrong with one clip stays with that clip; bad options are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_wan import OPTIONS, picture
from vace_runs import PLAIN, PROMPT, request

from tpige_kedro.errors import SampleError
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from tpige_kedro.video_generators.wan_vace import WanVace


def test_out_of_memory_splits_the_batch_and_names_the_clip_that_is_too_large(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = generator.latents

    def small_card(requests: list[ClipRequest], *rest: Any) -> Any:
        if len(requests) > 1 or requests[0].sample_id == "large":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB\nmore")
        return sample(requests, *rest)

    monkeypatch.setattr(generator, "latents", small_card)
    made = generator.generate([request("a"), request("large"), request("b")], PLAIN)
    outcomes = {r.sample_id: outcome for r, outcome in made}
    assert isinstance(outcomes["a"], GeneratedClip)
    assert isinstance(outcomes["b"], GeneratedClip)
    assert isinstance(outcomes["large"], SampleError)
    for words in (
        "sample large",
        "out of GPU memory",
        "Tried to allocate 20 GiB",
        "offload",
        "vae_tiling",
    ):
        assert words in str(outcomes["large"])


def test_a_picture_that_cannot_be_read_fails_alone(generator: WanVace, tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    picture(3, (400, 400)).save(path)
    path.write_bytes(path.read_bytes()[:-600])
    broken = ClipRequest("broken", PROMPT, (Image.open(path),), 1)
    outcomes = {
        r.sample_id: o for r, o in generator.generate([request("a"), broken, request("b")], PLAIN)
    }
    assert isinstance(outcomes["broken"], SampleError)
    assert "sample broken" in str(outcomes["broken"])
    assert all(isinstance(outcomes[key], GeneratedClip) for key in "ab")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_single_value_that_is_not_finite_is_enough(
    value: float, generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = torch.zeros(2, 16, 3, 4, 6)
    latents[1, 3, 2, 1, 0] = value
    monkeypatch.setattr(generator, "latents", lambda *_: latents)
    generator.text.prepare([generator.negative_prompt, PROMPT])
    made = {r.sample_id: clip for r, clip in generator._make([request("a"), request("b")], PLAIN)}
    assert isinstance(made["a"], GeneratedClip)
    assert isinstance(made["b"], SampleError) and "not finite" in str(made["b"])


def test_values_that_are_not_finite_become_the_samples_error(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = generator.latents

    def overflow(*arguments: Any) -> Any:
        latents = sample(*arguments)
        latents[0] = float("nan")
        return latents

    monkeypatch.setattr(generator, "latents", overflow)
    outcomes = [o for _, o in generator.generate([request("a"), request("b")], PLAIN)]
    assert isinstance(outcomes[0], SampleError)
    assert "sample a" in str(outcomes[0])
    assert "dtype" in str(outcomes[0])
    assert isinstance(outcomes[1], GeneratedClip)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_frames", 10),
        ("height", 40),
        ("steps", 0),
        ("batch_size", 0),
        ("sigmas", "karras"),
        ("letterbox", "crop"),
        ("offload", "disk"),
        ("dtype", "int8"),
        ("flow_shift", -1),
        ("guidance_scale", 5),
    ],
)
def test_bad_options_are_named(vace_folder: Path, key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=key):
        WanVace(str(vace_folder), **{**OPTIONS, key: value})
