"""The sampling of VACE and Phantom, composed from diffusers' modular Wan blocks; only the denoiser and the step are ours."""

from __future__ import annotations

from typing import Any, ClassVar

from diffusers.modular_pipelines import ModularPipelineBlocks, SequentialPipelineBlocks
from diffusers.modular_pipelines.modular_pipeline_utils import InputParam
from diffusers.modular_pipelines.wan.before_denoise import (
    WanPrepareLatentsStep,
    WanSetTimestepsStep,
    WanTextInputStep,
)
from diffusers.modular_pipelines.wan.decoders import (
    WanVaceTrimReferenceLatentsStep,
    WanVaeDecoderStep,
)
from diffusers.modular_pipelines.wan.denoise import WanDenoiseLoopWrapper

from tpige_kedro.video_generators.wan_denoise import PhantomDenoiser, SchedulerStep, VaceDenoiser


class VaceDenoiseStep(WanDenoiseLoopWrapper):
    """The loop over the timesteps of VACE."""

    block_classes: ClassVar = [VaceDenoiser, SchedulerStep]
    block_names: ClassVar = ["denoiser", "after_denoiser"]


class PhantomDenoiseStep(WanDenoiseLoopWrapper):
    """The loop over the timesteps of Phantom."""

    block_classes: ClassVar = [PhantomDenoiser, SchedulerStep]
    block_names: ClassVar = ["denoiser", "after_denoiser"]


class PhantomTrimStep(ModularPipelineBlocks):
    """Drops the reference frames at the end before decoding."""

    model_name = "wan"

    @property
    def inputs(self) -> list[InputParam]:
        """The finished latents and how many of their frames are references."""
        return [InputParam("latents", required=True), InputParam("num_reference_images", default=0)]

    def __call__(self, components: Any, state: Any) -> tuple[Any, Any]:
        """Keep the video frames."""
        block_state = self.get_block_state(state)
        kept = block_state.latents.shape[2] - block_state.num_reference_images
        block_state.latents = block_state.latents[:, :, :kept]
        self.set_block_state(state, block_state)
        return components, state


class PixelParts(WanVaeDecoderStep):
    """Declares the VAE and the video processor as parts of the pipeline; decoding is left to :mod:`.wan_decoding`."""

    def __call__(self, components: Any, state: Any) -> tuple[Any, Any]:
        """Leave the latents as they are."""
        return components, state


class VaceSampling(SequentialPipelineBlocks):
    """From embeddings, control and seeds to the latents of VACE clips (any batch size; the stock blocks take one clip)."""

    model_name = "wan"
    block_classes: ClassVar = [
        WanTextInputStep,
        WanSetTimestepsStep,
        WanPrepareLatentsStep,
        VaceDenoiseStep,
        WanVaceTrimReferenceLatentsStep,
        PixelParts,
    ]
    block_names: ClassVar = ["input", "timesteps", "latents", "denoise", "trim", "pixels"]


class PhantomSampling(SequentialPipelineBlocks):
    """From embeddings, reference latents and seeds to the latents of Phantom clips."""

    model_name = "wan"
    block_classes: ClassVar = [
        WanTextInputStep,
        WanSetTimestepsStep,
        WanPrepareLatentsStep,
        PhantomDenoiseStep,
        PhantomTrimStep,
        PixelParts,
    ]
    block_names: ClassVar = ["input", "timesteps", "latents", "denoise", "trim", "pixels"]
