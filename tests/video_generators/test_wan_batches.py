"""Batches, noise, sizes, and the record of a clip."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_wan import OPTIONS
from vace_runs import GUIDED, PLAIN, PROMPT, floats, one, request

from tpige_kedro.video_generators.protocol import GeneratedClip
from tpige_kedro.video_generators.wan_vace import WanVace


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


def test_the_seconds_of_a_batch_are_shared_by_its_clips(
    generator: WanVace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count(step=12)
    ticks = SimpleNamespace(perf_counter=lambda: float(next(clock)))
    monkeypatch.setattr("tpige_kedro.video_generators.wan.time", ticks)
    batch = [request(f"s{i}", seed=i) for i in range(3)]
    generator.text.prepare([generator.negative_prompt, PROMPT])
    clips = [clip for _, clip in generator._make(batch, PLAIN)]
    assert [clip.details["seconds"] for clip in clips] == [12 / 3] * 3
    assert len(clips[0].frames) == 9
    assert [clip.details["seconds"] for clip in clips] == [16, 4, 4], "and its own decoding"


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
