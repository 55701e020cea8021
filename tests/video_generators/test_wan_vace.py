from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanVACEPipeline
from PIL import Image
from tiny_wan import OPTIONS, picture

from tpige_kedro.errors import SampleError
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip, SourceVideo
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


@pytest.fixture(scope="module")
def generator(vace_folder: Path) -> WanVace:
    return WanVace(str(vace_folder), **OPTIONS, batch_size=3)


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


# --- the same numbers as the library's own pipeline ---


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


# --- guidance ---


@pytest.mark.parametrize("form", FORMS)
def test_each_weak_form_makes_its_own_clip(generator: WanVace, form: str) -> None:
    made = request()
    clips = {
        name: floats(generator, [made], GUIDED.model_copy(update={"weak_branch": name}))
        for name in {form, "as_published", "t2v"}
    }
    plain = floats(generator, [made], PLAIN)
    assert not np.allclose(clips[form], plain, atol=1e-3)
    assert all(
        not np.array_equal(clips[form], other) for name, other in clips.items() if name != form
    )


def test_the_weak_branch_is_the_difference_that_the_equation_says(generator: WanVace) -> None:
    """One step by hand: eps = c + W_c (c - u) + W_i (c - w) from forwards of the model itself."""
    captured: list[dict[str, Any]] = []
    handle = generator.transformer.register_forward_pre_hook(
        lambda _, __, kwargs: captured.append(kwargs), with_kwargs=True
    )
    guider = generator.guider(GUIDED)
    try:
        conditions = [generator.conditions(request(), GUIDED)]
        generator.text.prepare([OPTIONS["negative_prompt"], PROMPT])
        generator.sample([request()], conditions, GUIDED, guider)
    finally:
        handle.remove()
    cond, uncond, weak = captured[:3]
    assert torch.equal(cond["hidden_states"], uncond["hidden_states"])
    assert not torch.equal(cond["encoder_hidden_states"], uncond["encoder_hidden_states"])
    assert torch.equal(cond["encoder_hidden_states"], weak["encoder_hidden_states"])
    assert cond["control_hidden_states"].shape[2] == 4
    assert torch.equal(weak["control_hidden_states"], cond["control_hidden_states"][:, :, 1:])
    assert cond["control_hidden_states_scale"].tolist() == [1.0, 1.0]
    assert weak["control_hidden_states_scale"].tolist() == [
        1.0,
        0.0,
    ]  # layer 2 is the second VACE layer


@pytest.mark.parametrize(
    ("settings", "forwards"),
    [
        ({}, {"cond": 8, "uncond": 8, "weak": 8}),
        ({"identity_schedule": {"stop": 0.25}}, {"cond": 8, "uncond": 8, "weak": 2}),
        ({"reuse_every": 4}, {"cond": 8, "uncond": 8, "weak": 4}),
        ({"identity_weight": 0.0}, {"cond": 8, "uncond": 8}),
    ],
)
def test_forwards_of_eight_steps(
    vace_folder: Path, settings: dict[str, Any], forwards: dict[str, int]
) -> None:
    generator = WanVace(str(vace_folder), **{**OPTIONS, "steps": 8})
    calls = []
    generator.transformer.register_forward_hook(lambda *_: calls.append(1))
    guidance = Guidance.model_validate({**GUIDED.model_dump(), **settings})
    assert one(generator, request(), guidance).details["forwards"] == forwards
    assert len(calls) == sum(forwards.values())


def test_each_branch_runs_in_its_own_cache_context(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts: list[str] = []
    original = generator.transformer.cache_context

    def remember(name: str) -> Any:
        contexts.append(name)
        return original(name)

    monkeypatch.setattr(generator.transformer, "cache_context", remember)
    one(generator, request(), GUIDED)
    assert contexts == ["cond", "uncond", "weak"] * 3


def test_fifty_distinct_integer_timesteps_reach_a_bfloat16_model(vace_folder: Path) -> None:
    options = {**OPTIONS, "steps": 50, "num_frames": 1, "flow_shift": 16.0, "dtype": "bfloat16"}
    generator = WanVace(str(vace_folder), **options)
    seen: list[torch.Tensor] = []
    generator.transformer.register_forward_pre_hook(
        lambda _, __, kwargs: seen.append(kwargs["timestep"]), with_kwargs=True
    )
    one(generator, request(), Guidance(text_weight=0.0))
    assert all(t.dtype == torch.int64 for t in seen)
    assert len({int(t) for t in seen}) == 50


@pytest.mark.parametrize("form", ["as_published", "t2v"])
def test_the_model_is_whole_after_an_exception_in_the_weak_pass(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    guidance = GUIDED.model_copy(update={"weak_branch": form})
    before = one(generator, request(), guidance).frames
    blocks = generator.transformer.blocks
    last = blocks[3].forward
    calls = []

    def fail_in_the_weak_pass(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("broken block")
        return last(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(blocks[3], "forward", fail_in_the_weak_pass)
        with pytest.raises(RuntimeError, match="broken block"):
            one(generator, request(), guidance)
    assert generator.transformer.blocks is blocks
    assert generator._twin.blocks is blocks
    assert np.array_equal(one(generator, request(), guidance).frames, before)


def test_a_layer_the_model_does_not_have_is_named_before_anything_is_made(
    generator: WanVace,
) -> None:
    with pytest.raises(ValueError, match=r"skip_layers: layer 4"):
        next(generator.generate([request()], Guidance(skip_layers=(4,))))


# --- batches, noise, size ---


@pytest.mark.parametrize("form", ["as_published", "t2v"])
def test_a_batch_equals_single_runs(generator: WanVace, form: str) -> None:
    guidance = GUIDED.model_copy(update={"weak_branch": form})
    requests = [
        request(f"s{i}", seed=i, references=(i,), prompt=f"a {w} in the rain")
        for i, w in enumerate(["king", "man", "chef"])
    ]
    batch = floats(generator, requests, guidance)
    for made, clip in zip(requests, batch, strict=True):
        np.testing.assert_allclose(clip, floats(generator, [made], guidance)[0], atol=1e-4)
    assert not np.allclose(batch[0], batch[1], atol=1e-2)


def test_requests_of_unequal_geometry_are_all_made(generator: WanVace) -> None:
    requests = [request(f"s{i}", references=(0, 1)[: 1 + i % 2]) for i in range(5)]
    made = {r.sample_id: clip for r, clip in generator.generate(requests, PLAIN)}
    assert set(made) == {f"s{i}" for i in range(5)}
    assert all(
        isinstance(c, GeneratedClip) and c.frames.shape == (9, 32, 48, 3) for c in made.values()
    )


def test_shared_noise_takes_the_place_of_the_seeds(vace_folder: Path) -> None:
    generator = WanVace(str(vace_folder), **OPTIONS, shared_noise=2025)
    first, second = (one(generator, request(seed=seed), PLAIN) for seed in (1, 2))
    assert np.array_equal(first.frames, second.frames)
    assert first.details["noise_seed"] == 2025
    own = WanVace(str(vace_folder), **OPTIONS)
    assert np.array_equal(one(own, request(seed=2025), PLAIN).frames, first.frames)
    assert not np.array_equal(one(own, request(seed=1), PLAIN).frames, first.frames)


def test_a_single_frame_is_a_picture(vace_folder: Path) -> None:
    generator = WanVace(str(vace_folder), **{**OPTIONS, "num_frames": 1})
    assert one(generator, request(), PLAIN).frames.shape == (1, 32, 48, 3)


def test_the_record_says_what_made_the_clip(generator: WanVace) -> None:
    clip = one(generator, request(seed=11), GUIDED)
    details = json.loads(json.dumps(clip.details))
    assert clip.fps == 8
    assert details["guidance"] == json.loads(GUIDED.model_dump_json())
    expected = {
        "height": 32,
        "width": 48,
        "num_frames": 9,
        "steps": 3,
        "flow_shift": 3.0,
        "noise_seed": 11,
    }
    assert details.items() >= expected.items()
    assert details["negative_prompt"] == "blurred grey"
    assert details["dtype"] == "float32"
    assert details["prompt_truncated"] is False
    long = request(prompt=" ".join([PROMPT] * 3))
    assert one(generator, long, GUIDED).details["prompt_truncated"] is True


def test_reference_sigmas_and_shift_change_the_clip_and_the_timesteps(vace_folder: Path) -> None:
    ours = WanVace(str(vace_folder), **OPTIONS, flow_shift=16.0)
    theirs = WanVace(str(vace_folder), **OPTIONS, flow_shift=16.0, sigmas="reference")
    clips = [one(generator, request(), PLAIN) for generator in (ours, theirs)]
    assert not np.array_equal(clips[0].frames, clips[1].frames)
    assert [clip.details["sigmas"] for clip in clips] == ["diffusers", "reference"]
    assert ours.pipeline.scheduler.sigmas[0] != theirs.pipeline.scheduler.sigmas[0]


# --- constants are computed once ---


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


# --- what goes wrong ---


def test_out_of_memory_splits_the_batch_and_names_the_clip_that_is_too_large(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = generator.sample

    def small_card(requests: list[ClipRequest], *rest: Any) -> Any:
        if len(requests) > 1 or requests[0].sample_id == "large":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB\nmore")
        return sample(requests, *rest)

    monkeypatch.setattr(generator, "sample", small_card)
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


def test_values_that_are_not_finite_become_the_samples_error(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = generator.sample

    def overflow(*arguments: Any) -> Any:
        videos, latents = sample(*arguments)
        latents[0] = float("nan")
        return videos, latents

    monkeypatch.setattr(generator, "sample", overflow)
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


# --- small cards ---


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
