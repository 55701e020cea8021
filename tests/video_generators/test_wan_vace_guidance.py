"""What each branch sees, how often it runs, and that the model is whole afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_wan import OPTIONS
from vace_runs import FORMS, GUIDED, PLAIN, PROMPT, floats, one, request

from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan_vace import WanVace


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


def test_the_blank_reference_is_what_a_white_picture_is_encoded_to(generator: WanVace) -> None:
    """So that, with a white reference and no layer skipped, the identity term is zero."""
    white = ClipRequest("white", PROMPT, (Image.new("RGB", (48, 32), "white"),), 7)
    blank = GUIDED.model_copy(update={"weak_branch": "blank_reference", "skip_layers": ()})
    conditions = generator.conditions(white, blank)
    torch.testing.assert_close(conditions["control_weak"], conditions["control"])
    assert not torch.equal(*generator.conditions(request(), blank).values())
    np.testing.assert_allclose(
        floats(generator, [white], blank), floats(generator, [white], PLAIN), atol=1e-5
    )
