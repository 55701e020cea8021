"""One step of VACE and of Phantom: which latents, text and control each branch of the guidance sees, on which model.

Where it departs from diffusers' ``WanLoopDenoiser``: timesteps stay integers (cast to bfloat16, 50 steps at shift 16 keep
only 40 distinct values), each branch runs in its own ``cache_context``, a branch may see other latents or run on
another transformer or rank, and the guider is cleaned up even after an exception.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import torch
from diffusers import FlowMatchLCMScheduler, UniPCMultistepScheduler, WanTransformer3DModel
from diffusers.guiders import ClassifierFreeGuidance
from diffusers.modular_pipelines import ModularPipelineBlocks
from diffusers.modular_pipelines.modular_pipeline_utils import ComponentSpec, InputParam

from tpige_kedro.guidance.weak_branch import fill_reference_frames
from tpige_kedro.video_generators.parallel import is_mine, share

Fields = dict[str, tuple[str, ...]]


class GuidedDenoiser(ModularPipelineBlocks):
    """One step of the loop: the forwards that the guider requests, and their combination.

    ``fields`` maps each argument of the transformer to the names of its values, one per prediction of the guider; a value of
    ``None`` is not passed on. ``given`` are the names that the pipeline is called with.
    """

    model_name = "wan"
    fields: ClassVar[Fields]
    given: ClassVar[tuple[str, ...]]

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """The transformer and the guider, both set by the generator."""
        guider = ComponentSpec(
            "guider", ClassifierFreeGuidance, default_creation_method="from_config"
        )
        return [guider, ComponentSpec("transformer", WanTransformer3DModel)]

    @property
    def inputs(self) -> list[InputParam]:
        """What the pipeline call must or may give."""
        names = ("latents", "dtype", "num_inference_steps", "prompt_embeds")
        required = [InputParam(name, required=True) for name in names]
        optional = ("negative_prompt_embeds", "split_branches", "block_cache", *self.given)
        return required + [InputParam(name) for name in optional]

    def views(self, state: Any) -> None:
        """Set on ``state`` what each branch sees of ``state.latents`` (B, 16, frames, h, w), in ``state.dtype``."""
        raise NotImplementedError

    def model(self, components: Any, state: Any, branch: str) -> Any:
        """The transformer that ``branch`` runs on."""
        return components.transformer

    @torch.no_grad()
    def __call__(self, components: Any, state: Any, i: int, t: torch.Tensor) -> tuple[Any, Any]:
        """Predict with all branches at the integer timestep ``t`` and set ``state.noise_pred``."""
        guider = components.guider
        guider.set_state(step=i, num_inference_steps=state.num_inference_steps, timestep=t)
        if state.block_cache is not None:
            state.block_cache.enter_step(i, state.num_inference_steps)
        self.views(state)
        batches = guider.prepare_inputs_from_block_state(state, self.fields)
        for branch, batch in enumerate(batches):
            here = not state.split_branches or is_mine(branch)
            batch.noise_pred = self.predict(components, state, t, batch, here=here)
        if state.split_branches:
            share([batch.noise_pred for batch in batches])
        for batch in batches:
            batch.noise_pred = fill_reference_frames(batch.noise_pred, batches[0].noise_pred)
        state.noise_pred = guider(batches).pred
        return components, state

    def predict(
        self, components: Any, state: Any, t: torch.Tensor, batch: Any, *, here: bool
    ) -> torch.Tensor:
        """What a branch predicts, in ``state.dtype``; if another rank runs it, memory for that."""
        values = batch.as_dict()
        branch = values.pop(components.guider._identifier_key)
        arguments = {k: v.to(state.dtype) for k, v in values.items() if v is not None}
        model = self.model(components, state, branch)
        components.guider.prepare_models(model)
        try:
            if not here:
                return torch.empty_like(
                    arguments["hidden_states"], memory_format=torch.contiguous_format
                )
            with model.cache_context(branch.removeprefix("pred_")), watched(state, model, branch):
                timestep = t.expand(state.latents.shape[0])
                prediction: torch.Tensor = model(timestep=timestep, return_dict=False, **arguments)[
                    0
                ]
            return prediction.contiguous()
        finally:
            components.guider.cleanup_models(model)


def watched(state: Any, model: Any, branch: str) -> AbstractContextManager[None]:
    """The cache of blocks around a forward of ``branch``, where there is one."""
    cache = state.block_cache
    return nullcontext() if cache is None else cache.around(model, branch)


class SchedulerStep(ModularPipelineBlocks):
    """One step of the sampler; one that adds noise draws each clip's from the generator of that clip."""

    model_name = "wan"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """The sampler."""
        return [ComponentSpec("scheduler", UniPCMultistepScheduler)]

    @property
    def inputs(self) -> list[InputParam]:
        """The generators that drew the first noise."""
        return [InputParam("generator")]

    @torch.no_grad()
    def __call__(self, components: Any, state: Any, i: int, t: torch.Tensor) -> tuple[Any, Any]:
        """Move ``state.latents`` (float32) by ``state.noise_pred``."""
        scheduler = components.scheduler
        noise = (
            {"generator": state.generator} if isinstance(scheduler, FlowMatchLCMScheduler) else {}
        )
        state.latents = scheduler.step(
            state.noise_pred.float(), t, state.latents.float(), return_dict=False, **noise
        )[0]
        return components, state


class VaceDenoiser(GuidedDenoiser):
    """VACE: cond and uncond see the control with the reference, weak sees ``control_weak``, or the plain twin without control."""

    fields: ClassVar[Fields] = {
        "hidden_states": ("latents_seen", "latents_seen", "latents_weak"),
        "encoder_hidden_states": ("prompt_embeds", "negative_prompt_embeds", "prompt_embeds"),
        "control_hidden_states": ("control", "control", "control_weak"),
        "control_hidden_states_scale": ("hint_scale", "hint_scale", "hint_scale_weak"),
    }
    given: ClassVar[tuple[str, ...]] = (
        "control",
        "control_weak",
        "hint_scale",
        "hint_scale_weak",
        "weak_transformer",
        "num_reference_images",
    )

    def views(self, state: Any) -> None:
        """The plain twin (form ``t2v``) sees no reference frames."""
        state.latents_seen = state.latents.to(state.dtype)
        dropped = 0 if state.weak_transformer is None else state.num_reference_images
        state.latents_weak = state.latents_seen[:, :, dropped:]

    def model(self, components: Any, state: Any, branch: str) -> Any:
        """The plain twin for the weak branch of form ``t2v``."""
        if branch == "pred_weak" and state.weak_transformer is not None:
            return state.weak_transformer
        return components.transformer


class PhantomDenoiser(GuidedDenoiser):
    """Phantom: the last frames are the clean reference latents in ``pred_cond`` and ``pred_uncond``, zeros in the others."""

    fields: ClassVar[Fields] = {
        "hidden_states": (
            "latents_with_ref",
            "latents_with_ref",
            "latents_no_ref",
            "latents_no_ref",
        ),
        "encoder_hidden_states": (
            "prompt_embeds",
            "negative_prompt_embeds",
            "negative_prompt_embeds",
            "prompt_embeds",
        ),
    }
    given: ClassVar[tuple[str, ...]] = ("reference_latents",)

    def views(self, state: Any) -> None:
        """Overwrite the reference frames at every step."""
        references = state.reference_latents
        video = state.latents[:, :, : state.latents.shape[2] - references.shape[2]]
        state.latents_with_ref = torch.cat([video, references.to(video)], dim=2).to(state.dtype)
        state.latents_no_ref = torch.cat([video, torch.zeros_like(references).to(video)], dim=2).to(
            state.dtype
        )
