"""Samplers for few steps: the published noise levels, steps by hand, and noise that belongs to its clip."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tiny_wan import OPTIONS, scheduler
from vace_runs import floats, one, request

from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.video_generators.wan_timesteps import sampler, shift_of, start_sigmas
from tpige_kedro.video_generators.wan_vace import WanVace

FEW = {**OPTIONS, "steps": 4, "num_frames": 5, "flow_shift": 5.0}
UNGUIDED = Guidance(text_weight=0.0)
GUIDED = Guidance(text_weight=0.0, identity_weight=0.5, skip_layers=(1,), weak_branch="t2v")

# LightX2V's Wan2.1 schedules: steps 1000, 750, 500, 250 (and eight like them) of a table that is shifted by 5
PUBLISHED = {4: [1000, 937.5, 833.333, 625], 8: [1000, 972.222, 937.5, 892.857, 833.333, 750, 625, 416.667]}  # fmt: skip


def levels(name: str, steps: int, shift: float | None = 5.0) -> tuple[list[float], list[float]]:
    """The timesteps of a run and its sigmas, with the 0 at the end."""
    made = sampler(scheduler(), name, shift)
    sigmas = start_sigmas(name, "diffusers", steps)
    made.set_timesteps(steps, **({} if sigmas is None else {"sigmas": sigmas}))
    return made.timesteps.tolist(), made.sigmas.tolist()


@pytest.mark.parametrize("steps", PUBLISHED)
@pytest.mark.parametrize("name", ["euler", "lcm"])
def test_the_published_timesteps(name: str, steps: int) -> None:
    timesteps, sigmas = levels(name, steps)
    assert timesteps == pytest.approx(PUBLISHED[steps], abs=1e-3)
    assert sigmas == pytest.approx([t / 1000 for t in PUBLISHED[steps]] + [0], abs=1e-6)


@pytest.mark.parametrize("steps", PUBLISHED)
def test_they_are_entries_of_the_table_of_the_distilled_models(steps: int) -> None:
    """As LightX2V computes them: a table of 1000 levels, shifted, of which the steps are taken."""
    table = torch.linspace(1, 0, 1001)[:-1]
    table = 5 * table / (1 + 4 * table)
    taken = table[[1000 * i // steps for i in range(steps)]] * 1000
    assert levels("euler", steps)[0] == pytest.approx(taken.tolist(), abs=1e-2)


def test_unipc_rounds_down_and_starts_at_999() -> None:
    assert levels("unipc", 4)[0] == [999, 937, 833, 625]


def test_the_shift_is_that_of_the_checkpoint_unless_set() -> None:
    assert [shift_of(sampler(scheduler(), name, None)) for name in ("unipc", "euler", "lcm")] == [
        3.0
    ] * 3
    assert [shift_of(sampler(scheduler(), name, 5.0)) for name in ("unipc", "euler", "lcm")] == [
        5.0
    ] * 3
    assert levels("euler", 2, None)[0] == pytest.approx([1000, 750])


def by_hand(generator: WanVace, name: str, seed: int) -> torch.Tensor:
    """The latents of an unguided clip, step by step."""
    asked = request(seed=seed)
    generator.text.prepare([asked.prompt])
    control = generator.conditions(asked, UNGUIDED)["control"]
    noise = torch.Generator().manual_seed(seed)
    latents = torch.randn(1, 16, 3, 4, 6, generator=noise)
    sigmas = [1.0, 15 / 16, 5 / 6, 5 / 8, 0.0]
    for sigma, following in pairwise(sigmas):
        velocity = generator.transformer(
            latents,
            timestep=torch.tensor([sigma * 1000]),
            encoder_hidden_states=generator.text[asked.prompt],
            control_hidden_states=control,
            return_dict=False,
        )[0]
        if name == "euler":
            latents = latents + (following - sigma) * velocity
        else:
            fresh = torch.randn(latents.shape, generator=noise)
            latents = (1 - following) * (latents - sigma * velocity) + following * fresh
    return latents


@pytest.mark.parametrize("name", ["euler", "lcm"])
@torch.no_grad()
def test_a_run_is_its_steps_by_hand(name: str, vace_folder: Path) -> None:
    generator = WanVace(str(vace_folder), **FEW, sampler=name)
    asked = request(seed=3)
    generator.text.prepare([OPTIONS["negative_prompt"], asked.prompt])
    conditions = [generator.conditions(asked, UNGUIDED)]
    guider = generator.guider(UNGUIDED)
    _, latents = generator.sample([asked], conditions, UNGUIDED, guider)
    wanted = by_hand(generator, name, 3)
    torch.testing.assert_close(latents[:, :, -2:], wanted[:, :, -2:], atol=1e-5, rtol=0)
    assert dict(guider.forwards) == {"pred_cond": 4}


@pytest.mark.parametrize("name", ["euler", "lcm"])
def test_a_clip_does_not_depend_on_its_batch(name: str, vace_folder: Path) -> None:
    generator = WanVace(str(vace_folder), **FEW, sampler=name)
    asked = [request(f"s{seed}", seed=seed) for seed in (1, 2)]
    together = floats(generator, asked, UNGUIDED)
    for made, each in zip(together, asked, strict=True):
        np.testing.assert_allclose(made, floats(generator, [each], UNGUIDED)[0], atol=1e-5)
    np.testing.assert_array_equal(together, floats(generator, asked, UNGUIDED))
    assert np.abs(together[0] - together[1]).max() > 0.01


def test_without_text_guidance_the_model_runs_twice_a_step(
    vace_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = WanVace(str(vace_folder), **FEW, sampler="euler")
    ran = {"vace": 0, "plain": 0}
    for name, model in (("vace", generator.transformer), ("plain", generator._twin)):
        model.register_forward_pre_hook(lambda *_, name=name: ran.update({name: ran[name] + 1}))
    clip = one(generator, request(), GUIDED)
    assert ran == {"vace": 4, "plain": 4}
    assert clip.details["forwards"] == {"cond": 4, "weak": 4}
    reused = GUIDED.model_copy(update={"reuse_every": 2, "first_steps": 1})
    assert one(generator, request(), reused).details["forwards"] == {"cond": 4, "weak": 2}
    assert ran == {"vace": 8, "plain": 6}


def test_the_record_names_the_sampler(vace_folder: Path, phantom_folder: Path) -> None:
    generator = Phantom(
        str(phantom_folder), base=str(vace_folder), image_scale=1.0, **{**FEW, "sampler": "lcm"}
    )
    guidance = Guidance(text_weight=1.0, identity_weight=0.5)
    details = one(generator, request(), guidance).details
    assert (details["sampler"], details["flow_shift"]) == ("lcm", 5.0)
    assert details["forwards"] == {"cond": 4, "weak": 4}


@pytest.mark.parametrize("name", ["euler", "lcm"])
def test_the_table_of_the_papers_sampler_goes_with_no_other(name: str) -> None:
    with pytest.raises(ValidationError, match=rf"sigmas: 'reference' .* unipc.*{name}"):
        WanOptions(sampler=name, sigmas="reference")
    WanOptions(sampler="unipc", sigmas="reference")
