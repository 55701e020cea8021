"""Predictions, combinations and samples against vectors made with diffusers and checked against the authors' code.

The folder is ``$TPIGE_GOLDEN/generation`` (default: beside this file); its README describes the fields. Salt and
config come from its ``meta.json``, so that another draw can stand in.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler, WanVACETransformer3DModel
from diffusers.modular_pipelines import SequentialPipelineBlocks, WanModularPipeline
from diffusers.modular_pipelines.wan.before_denoise import (
    WanPrepareLatentsStep,
    WanSetTimestepsStep,
    WanTextInputStep,
)

from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.guidance.skipping import hint_scale, skipped_layers
from tpige_kedro.guidance.weak_branch import fill_reference_frames, plain_twin, weak_control
from tpige_kedro.video_generators.wan_blocks import VaceDenoiseStep
from tpige_kedro.video_generators.wan_timesteps import reference_sigmas

FOLDER = Path(os.environ.get("TPIGE_GOLDEN", Path(__file__).parent)) / "generation"
META: dict[str, Any] = json.loads((FOLDER / "meta.json").read_text())
SKIP = tuple(META["skip_layers"])
FORMS = {"a": "as_published", "b": "aligned", "c": "t2v"}
PREDICTION, COMBINED, SAMPLE = 5e-5, 2e-4, 5e-4  # largest absolute difference allowed
STEPS = [999, 937]


def load(name: str) -> dict[str, torch.Tensor]:
    with np.load(FOLDER / f"{name}.npz") as archive:
        return {key: torch.from_numpy(archive[key]) for key in archive.files}


def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weight ``name`` by the rule of the README."""
    seed = zlib.crc32((META["salt"] + name).encode()) & 0xFFFFFFFF
    noise = np.random.RandomState(seed).standard_normal(shape)
    last = name.rsplit(".", 1)[-1]
    if last == "scale_shift_table":
        noise = noise / np.sqrt(shape[-1])
    elif len(shape) >= 2:
        noise = noise / np.sqrt(np.prod(shape[1:]))
    elif last == "weight":
        noise = 1 + 0.1 * noise
    else:
        noise = 0.02 * noise
    return noise.astype(np.float32)


@pytest.fixture(scope="module")
def vace() -> WanVACETransformer3DModel:
    model = WanVACETransformer3DModel(**META["config"]).eval()
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    weights = {name: torch.from_numpy(drawn(name, shape)) for name, shape in shapes.items()}
    model.load_state_dict(weights)
    return model


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    return load("inputs")


def largest_difference(got: torch.Tensor, expected: torch.Tensor) -> float:
    assert got.shape == expected.shape
    return float((got - expected).abs().max())


class Branches:
    """The branches at one timestep, by the names that the golden files give them."""

    def __init__(
        self, vace: WanVACETransformer3DModel, inputs: dict[str, torch.Tensor], t: int
    ) -> None:
        self.vace, self.inputs, self.t = vace, inputs, torch.tensor([t])
        self.layers = list(vace.config.vace_layers)
        self.ones = torch.ones(len(self.layers))

    @torch.no_grad()
    def predict(
        self,
        control: torch.Tensor,
        skip: tuple[int, ...] = (),
        scale: torch.Tensor | None = None,
        text: str = "prompt_embeds",
    ) -> torch.Tensor:
        with skipped_layers(self.vace, skip):
            return self.vace(
                hidden_states=self.inputs["latents"],
                timestep=self.t,
                encoder_hidden_states=self.inputs[text],
                control_hidden_states=control,
                control_hidden_states_scale=self.ones if scale is None else scale,
            ).sample

    def without_reference(self, form: str) -> torch.Tensor:
        control = weak_control(FORMS[form], self.inputs["control"], references=1)
        assert control is not None
        return control

    @torch.no_grad()
    def weak(self, form: str) -> torch.Tensor:
        if form != "c":
            scale = hint_scale(self.ones, self.layers, SKIP)
            return self.predict(self.without_reference(form), SKIP, scale)
        twin = plain_twin(self.vace)
        with skipped_layers(twin, SKIP):
            video = twin(
                self.inputs["latents"][:, :, 1:], self.t, self.inputs["prompt_embeds"]
            ).sample
        return fill_reference_frames(video, self.predict(self.inputs["control"]))

    def by_name(self) -> dict[str, torch.Tensor]:
        control = self.inputs["control"]
        return {
            "cond": self.predict(control),
            "uncond": self.predict(control, text="negative_prompt_embeds"),
            **{f"weak_{form}": self.weak(form) for form in FORMS},
            **{f"noskip_noref_{form}": self.predict(self.without_reference(form)) for form in "ab"},
            "skip_withref": self.predict(control, SKIP, hint_scale(self.ones, self.layers, SKIP)),
            "skip_block_keep_hint_a": self.predict(self.without_reference("a"), SKIP),
            "skip_nohints": self.predict(control, SKIP, 0 * self.ones),
        }


def guiders() -> dict[str, IdAwareGuidance]:
    text, identity, cfg = META["W_c"], META["W_i"], META["cfg_scale"]
    return {
        "cfg": IdAwareGuidance(text_weight=cfg - 1, identity_weight=0.0),
        "paper": IdAwareGuidance.paper(text, identity, SKIP),
        "code": IdAwareGuidance.reference_code(cfg, identity, SKIP),
    }


def test_the_weight_rule_gives_the_stored_weights(vace: WanVACETransformer3DModel) -> None:
    stored = load("weights")
    assert set(stored) == set(vace.state_dict())
    assert all(torch.equal(value, stored[name]) for name, value in vace.state_dict().items())


def test_weak_controls_are_the_stored_ones(inputs: dict[str, torch.Tensor]) -> None:
    for form in "ab":
        control = weak_control(FORMS[form], inputs["control"], references=1)
        assert torch.equal(control, inputs[f"control_weak_{form}"])


@pytest.mark.parametrize("t", STEPS)
def test_every_field_of_a_step(
    vace: WanVACETransformer3DModel, inputs: dict[str, torch.Tensor], t: int
) -> None:
    expected = load(f"step_t{t}")
    predictions = Branches(vace, inputs, t).by_name()
    combined: dict[str, torch.Tensor] = {}
    for name, guider in guiders().items():
        for form in FORMS if name != "cfg" else [""]:
            guider.set_state(0, 1, None)
            branches = {"pred_cond": predictions["cond"], "pred_uncond": predictions["uncond"]}
            if form:
                branches["pred_weak"] = predictions[f"weak_{form}"]
            combined[f"{name}_{form}".rstrip("_")] = guider.forward(**branches).pred
    assert set(expected) == set(predictions) | set(combined)
    for name, value in predictions.items():
        assert largest_difference(value, expected[name]) <= PREDICTION, name
    for name, value in combined.items():
        assert largest_difference(value, expected[name]) <= COMBINED, name


class Sampling(SequentialPipelineBlocks):
    """The sampling of the VACE generator from given latents, without encoding and decoding."""

    model_name = "wan"
    block_classes: ClassVar = [
        WanTextInputStep,
        WanSetTimestepsStep,
        WanPrepareLatentsStep,
        VaceDenoiseStep,
    ]
    block_names: ClassVar = ["input", "timesteps", "latents", "denoise"]


@pytest.mark.parametrize("table", ["sample_unipc4_shift16", "sample_unipc4_shift16_nativesigmas"])
def test_every_field_of_a_sample(
    vace: WanVACETransformer3DModel, inputs: dict[str, torch.Tensor], table: str
) -> None:
    expected = load(table)
    assert set(expected) == {"timesteps", "sigmas"} | {
        field
        for name in ("cfg", "paper_a", "paper_b", "code_a", "code_b")
        for field in (name, f"{name}_traj")
    }
    sigmas = reference_sigmas(4) if table.endswith("nativesigmas") else None
    for name in ("cfg", "paper_a", "paper_b", "code_a", "code_b"):
        composition, _, form = name.partition("_")
        latents, trajectory, scheduler = sample(vace, inputs, guiders()[composition], form, sigmas)
        assert torch.equal(scheduler.timesteps, expected["timesteps"])
        assert torch.equal(scheduler.sigmas, expected["sigmas"])
        assert largest_difference(latents, expected[name]) <= SAMPLE, name
        assert largest_difference(trajectory, expected[f"{name}_traj"]) <= SAMPLE, name


def sample(
    vace: WanVACETransformer3DModel,
    inputs: dict[str, torch.Tensor],
    guider: IdAwareGuidance,
    form: str,
    sigmas: np.ndarray | None,
) -> tuple[torch.Tensor, torch.Tensor, UniPCMultistepScheduler]:
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=16
    )
    trajectory: list[torch.Tensor] = []
    original_step = scheduler.step

    def step(*args: Any, **kwargs: Any) -> Any:
        result = original_step(*args, **kwargs)
        trajectory.append(result[0])
        return result

    scheduler.step = step
    pipeline = WanModularPipeline(blocks=Sampling())
    pipeline.register_components(transformer=vace, scheduler=scheduler, guider=guider)
    pipeline.set_progress_bar_config(disable=True)
    ones = torch.ones(len(vace.config.vace_layers))
    state = pipeline(
        prompt_embeds=inputs["prompt_embeds"],
        negative_prompt_embeds=inputs["negative_prompt_embeds"],
        latents=inputs["latents"],
        height=64,
        width=64,
        num_frames=13,
        num_inference_steps=4,
        sigmas=sigmas,
        num_reference_images=1,
        control=inputs["control"],
        control_weak=weak_control(FORMS[form], inputs["control"], 1) if form else None,
        hint_scale=ones,
        hint_scale_weak=hint_scale(ones, vace.config.vace_layers, SKIP),
    )
    return state.get("latents"), torch.stack(trajectory), scheduler
