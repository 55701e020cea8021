"""Frames come from the VAE in groups, are those of the whole clip, and can be taken late or never."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan
from tiny_wan import OPTIONS
from tiny_wan import vae as tiny_vae
from torch._dynamo.utils import counters
from vace_runs import GUIDED, PLAIN, floats, one, request

from tpige_kedro.errors import SampleError
from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.image_editors.vace_still import VaceStill
from tpige_kedro.models import model_identity
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.video_generators import wan
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from tpige_kedro.video_generators.wan_decoding import decoded_groups
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.video_generators.wan_vace import WanVace

MEMORY: list[dict[str, Any]] = [
    {},
    {"offload": "model"},
    {"offload": "group"},
    {"vae_tiling": True},
    {"vae_dtype": "bfloat16"},
    {"frame_rounding": "truncate"},
]
BATCH = [request(f"s{i}", seed=i, prompt=f"a {w}") for i, w in enumerate(["king", "man", "chef"])]


def whole(generator: WanVace, requests: list[ClipRequest]) -> np.ndarray:
    """The clips as diffusers decodes and rounds them, all frames at once."""
    levels = floats(generator, requests, PLAIN) * 255
    nearest = generator.options.frame_rounding == "nearest"
    return (levels.round() if nearest else levels).astype(np.uint8)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_groups_are_the_frames_of_the_whole_clip(frames: int, dtype: torch.dtype) -> None:
    torch.manual_seed(3)
    vae, latent = tiny_vae().eval().to(dtype), torch.randn(1, 16, frames, 4, 6, dtype=dtype)
    groups = []
    for group in decoded_groups(vae, latent):
        groups.append(group)
        with torch.no_grad():  # another picture is encoded meanwhile
            vae.encode(torch.randn(1, 3, 1, 32, 48, dtype=dtype))
            expected = vae.decode(latent).sample.float()
    assert [group.shape[2] for group in groups] == [1, *[4] * (frames - 1)]
    assert all(group.dtype == torch.float32 and not group.requires_grad for group in groups)
    assert torch.equal(torch.cat(groups, dim=2), expected)


@pytest.mark.parametrize("options", MEMORY, ids=str)
def test_streamed_clips_of_a_batch_are_those_decoded_at_once(
    vace_folder: Path, options: dict[str, Any]
) -> None:
    generator = WanVace(str(vace_folder), **OPTIONS, batch_size=3, **options)
    expected = whole(generator, BATCH)
    for (asked, clip), frames in zip(generator.generate(BATCH, PLAIN), expected, strict=True):
        assert isinstance(clip, GeneratedClip), asked
        assert clip.shape == frames.shape
        groups = list(clip.groups())
        assert len(groups) == (1 if options.get("vae_tiling") else 3)
        assert np.array_equal(np.concatenate(groups), frames)


def test_clips_that_are_taken_late_are_whole_and_those_let_go_are_not_decoded(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = wan.decoded_frames

    def watched(*arguments: Any) -> Iterator[Any]:
        decoded.append(1)
        yield from decode(*arguments)

    monkeypatch.setattr(wan, "decoded_frames", watched)
    expected = whole(generator, BATCH)
    clips = [clip for _, clip in generator.generate(BATCH, PLAIN)]
    assert len(decoded) == 3
    for clip, frames in zip(clips, expected, strict=True):
        assert isinstance(clip, GeneratedClip)
        assert np.array_equal(clip.frames, frames) and len(list(clip.groups())) == 1
    for _, clip in generator.generate(BATCH, PLAIN):
        del clip
    assert len(decoded) == 3


def test_frames_that_were_taken_in_groups_are_not_kept(generator: WanVace) -> None:
    (_, clip) = next(generator.generate([request()], PLAIN))
    assert isinstance(clip, GeneratedClip)
    before = clip.details["seconds"]
    for _ in clip.groups():
        pass
    assert clip.details["seconds"] > before
    with pytest.raises(RuntimeError, match="taken before"):
        clip.frames  # noqa: B018


@pytest.mark.parametrize("taken", [True, False], ids=["at once", "late"])
def test_a_clip_that_is_too_large_to_decode_fails_alone(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    decode, calls = wan.decoded_frames, []

    def small_card(*arguments: Any) -> Iterator[Any]:
        calls.append(1)
        if len(calls) == 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB\nmore")
        yield from decode(*arguments)

    monkeypatch.setattr(wan, "decoded_frames", small_card)
    made: dict[str, Any] = {}
    for asked, clip in generator.generate(BATCH, PLAIN):
        assert isinstance(clip, GeneratedClip)
        made[asked.sample_id] = clip
        if taken:
            try:
                clip.frames  # noqa: B018
            except SampleError as error:
                made[asked.sample_id] = error
    if not taken:
        with pytest.raises(SampleError, match="sample s1: out of GPU memory when it was decoded"):
            made["s1"].frames  # noqa: B018
    else:
        assert "vae_tiling" in str(made["s1"]) and "Tried to allocate 9 GiB" in str(made["s1"])
    assert made["s0"].frames.shape == made["s2"].frames.shape == (9, 32, 48, 3)


def test_a_still_that_cannot_be_decoded_is_that_samples_error(
    vace_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small_card(*_: Any) -> Iterator[Any]:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        yield

    monkeypatch.setattr(wan, "decoded_frames", small_card)
    options = {key: value for key, value in OPTIONS.items() if key not in ("num_frames", "fps")}
    editor = VaceStill(str(vace_folder), **options)
    asked = [EditRequest(r.sample_id, r.prompt, r.references[0], r.seed) for r in BATCH[:2]]
    drawn = [outcome for _, outcome in editor.edit(asked)]
    assert [type(outcome) for outcome in drawn] == [SampleError, SampleError]


def test_bfloat16_is_of_the_whole_vae_and_near_float32(
    vace_folder: Path, phantom_folder: Path, generator: WanVace
) -> None:
    half = WanVace(str(vace_folder), **OPTIONS, vae_dtype="bfloat16")
    assert {p.dtype for p in half.pipeline.vae.parameters()} == {torch.bfloat16}
    clip = one(half, request(), GUIDED)
    assert clip.details["vae_dtype"] == "bfloat16" and clip.details["compile_vae"] is False
    difference = clip.frames.astype(int) - one(generator, request(), GUIDED).frames
    assert 0 < np.abs(difference).mean() < 2
    phantom = Phantom(str(phantom_folder), base=str(vace_folder), **OPTIONS, vae_dtype="bfloat16")
    assert one(phantom, request(), PLAIN).frames.shape == (9, 32, 48, 3)  # type: ignore[arg-type]


def test_a_compiled_decoder_is_the_same_and_is_compiled_once() -> None:
    torch.manual_seed(3)
    small = {"dim_mult": [1, 1], "temperal_downsample": [True], "num_res_blocks": 1}
    vae = AutoencoderKLWan(base_dim=3, z_dim=16, **small).eval()
    latents = torch.randn(2, 1, 16, 5, 4, 6)
    plain = [list(decoded_groups(vae, latent)) for latent in latents]
    torch.compiler.reset()
    counters.clear()
    vae.decoder.compile(fullgraph=True, dynamic=False, backend="eager")  # as `place` does
    for latent, expected in zip(latents, plain, strict=True):
        assert all(map(torch.equal, decoded_groups(vae, latent), expected))
        # the first group, the second, which keeps one frame, and all others, which keep two
        assert counters["stats"]["unique_graphs"] == 3


@pytest.mark.parametrize("compiled", [True, False])
def test_the_option_compiles_the_decoder_and_nothing_else(
    vace_folder: Path, compiled: bool
) -> None:
    vae = WanVace(str(vace_folder), **OPTIONS, compile_vae=compiled).pipeline.vae
    assert (vae.decoder._compiled_call_impl is not None) == compiled
    assert vae.encoder._compiled_call_impl is None and vae._compiled_call_impl is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"compile_vae": True, "vae_tiling": True}, "vae_tiling"),
        ({"compile_vae": True, "offload": "model"}, "offload: model"),
        ({"compile_vae": True, "vae_convolutions": "onednn"}, "vae_convolutions"),
        ({"vae_dtype": "float16"}, "vae_dtype"),
    ],
)
def test_options_of_the_vae_that_cannot_be_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        WanOptions(**options)


def test_what_the_vae_computes_in_decides_the_fingerprint_and_how_it_runs_does_not(
    vace_folder: Path,
) -> None:
    def identity(**options: Any) -> dict[str, Any]:
        path = f"{WanVace.__module__}.{WanVace.__qualname__}"
        return model_identity(
            ModelSpec(type=path, source=str(vace_folder), licence="MIT", options=options)
        )

    assert identity(vae_dtype="bfloat16") != identity()
    assert identity(compile_vae=True) == identity()
    assert identity(vae_convolutions="onednn") == identity()


def test_clips_by_onednn_are_those_of_pytorch(vace_folder: Path) -> None:
    clips = []
    for way in ("pytorch", "onednn"):
        generator = WanVace(str(vace_folder), **OPTIONS, vae_convolutions=way)
        changed = [m for m in generator.pipeline.vae.modules() if "_conv_forward" in vars(m)]
        assert bool(changed) is (way == "onednn")
        clips.append(floats(generator, BATCH, PLAIN))
    np.testing.assert_allclose(*clips, atol=1e-4)
