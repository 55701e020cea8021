"""What the Wan generators have in common: the parts, batches of equal geometry, sampling, and running out of memory."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from diffusers.modular_pipelines import SequentialPipelineBlocks, WanModularPipeline

from tpige_kedro.errors import ModelError, SampleError, TpigeError
from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.guidance.schedules import check_windows
from tpige_kedro.guidance.skipping import check_skip_layers
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.acceleration import accelerate
from tpige_kedro.video_generators.batches import Conditions, batches, stacked
from tpige_kedro.video_generators.block_cache import BlockCache
from tpige_kedro.video_generators.loras.merging import merge_loras
from tpige_kedro.video_generators.parallel import check_skipping
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from tpige_kedro.video_generators.wan_encoding import PictureEncoder, TextEncoder
from tpige_kedro.video_generators.wan_loading import (
    Source,
    load_scheduler,
    load_text_encoder,
    load_tokenizer,
    load_transformer,
    load_vae,
)
from tpige_kedro.video_generators.wan_options import Parallel, WanOptions
from tpige_kedro.video_generators.wan_placement import (
    device_and_dtype,
    first_device,
    streamed_text_encoder,
)
from tpige_kedro.video_generators.wan_record import clip_details, reused_forwards
from tpige_kedro.video_generators.wan_timesteps import sampler, shift_of, start_sigmas

logger = logging.getLogger(__name__)

Outcome = tuple[ClipRequest, GeneratedClip | Exception]
SAVE_MEMORY = (
    "set the model's options offload: model (or group), fp8_storage: true, vae_tiling: true or free_text_encoder: true, "
    "or make height, width or num_frames smaller"
)
STAY_FINITE = "set the model's option dtype to bfloat16 or float32, or lower the guidance weights"


class WanGenerator(ABC):
    """A transformer of the Wan family with its VAE, text encoder and scheduler. Not to be shared between threads."""

    def __init__(
        self,
        transformer_class: Any,
        blocks: SequentialPipelineBlocks,
        source: Source,
        options: WanOptions,
    ) -> None:
        self.options = options
        self.device, self.dtype = device_and_dtype(options)
        first = first_device(options, self.device)
        self.transformer = load_transformer(transformer_class, source, self.dtype, first)
        merge_loras(self.transformer, options.loras)  # before anything shares or moves its weights
        self.acceleration = accelerate(self.transformer, options, self.device, self.dtype)
        vae = load_vae(source, first)
        scheduler = load_scheduler(source)
        self.pipeline = WanModularPipeline(blocks=blocks)
        self.pipeline.register_components(
            transformer=self.transformer,
            vae=vae,
            scheduler=sampler(scheduler, options.sampler, options.flow_shift),
        )
        # its steps on a terminal while they run, nothing in a log
        self.pipeline.set_progress_bar_config(disable=None, leave=False)
        self.text = TextEncoder(
            lambda: self._text_encoder(source),
            load_tokenizer(source),
            options.max_sequence_length,
            self.device,
            "free" if options.free_text_encoder else "keep" if options.offload == "none" else "cpu",
            streamed=options.offload == "group",
        )
        self.block_cache: BlockCache | None = None
        self.pictures = PictureEncoder(
            self.pipeline, options.height, options.width, options.letterbox
        )

    def _text_encoder(self, source: Source) -> Any:
        if self.options.offload != "group":
            return load_text_encoder(source, self.dtype, self.device)
        return streamed_text_encoder(load_text_encoder(source, self.dtype), self.device)

    def generate(self, requests: Sequence[ClipRequest], guidance: Guidance) -> Iterator[Outcome]:
        """See :class:`~tpige_kedro.video_generators.protocol.VideoGenerator`."""
        self.check(guidance)
        self.text.prepare([self.options.negative_prompt, *(request.prompt for request in requests)])
        for batch in batches(requests, self.options.batch_size, key=lambda r: len(r.references)):
            yield from self._work_off(batch, guidance)

    def check(self, guidance: Guidance) -> None:
        """Raise ``ValueError`` naming key and value if ``guidance`` does not fit this model."""
        check_skip_layers(guidance.skip_layers, self.transformer)
        check_skipping(guidance.skip_layers, self.options)
        check_windows(guidance, self.options.steps)

    @abstractmethod
    def guider(self, guidance: Guidance) -> IdAwareGuidance:
        """A new guider for one batch."""

    @abstractmethod
    def conditions(self, request: ClipRequest, guidance: Guidance) -> Conditions:
        """What the transformer sees of one request besides its text."""

    def call_options(self, guidance: Guidance) -> dict[str, Any]:
        """Arguments of the pipeline call that are the same for all clips of a batch."""
        return {}

    def details(self) -> dict[str, Any]:
        """What the record keeps of the settings of the subclass."""
        return {}

    def sample(
        self,
        requests: Sequence[ClipRequest],
        conditions: Sequence[Conditions],
        guidance: Guidance,
        guider: IdAwareGuidance,
    ) -> tuple[np.ndarray, torch.Tensor]:
        """Sample clips of equal geometry: videos (B, T, H, W, 3) in [0, 1] and their latents (B, 16, F, h, w)."""
        self.block_cache = None if self.options.cache is None else BlockCache(self.options.cache)
        options, references = self.options, len(requests[0].references)
        self.pipeline.register_components(guider=guider)
        negative = self.text[options.negative_prompt].to(self.dtype)
        prompts = torch.cat([self.text[request.prompt] for request in requests])
        noise = [torch.Generator(options.noise_device).manual_seed(self._seed(r)) for r in requests]
        state = self.pipeline(
            prompt_embeds=prompts.to(self.dtype),
            negative_prompt_embeds=negative.expand(len(requests), -1, -1),
            height=options.height,
            width=options.width,
            num_frames=options.num_frames + 4 * references,
            num_reference_images=references,
            num_inference_steps=options.steps,
            sigmas=start_sigmas(options.sampler, options.sigmas, options.steps),
            generator=noise,
            output_type="np",
            split_branches=options.parallel.branches,
            block_cache=self.block_cache,
            **stacked(conditions, self.device, self.dtype),
            **self.call_options(guidance),
        )
        return state.get("videos"), state.get("latents")

    def _work_off(self, batch: list[ClipRequest], guidance: Guidance) -> Iterator[Outcome]:
        """Make a batch; if it is too large for the GPU make its clips one by one, and yield an error for one too large."""
        try:
            outcomes = self._make(batch, guidance)
        except torch.cuda.OutOfMemoryError as error:
            reason = str(error).splitlines()[0]
            if self.options.parallel != Parallel():  # the other ranks wait for this one
                raise ModelError(f"out of GPU memory ({reason}); {SAVE_MEMORY}") from error
        else:
            yield from outcomes
            return
        torch.cuda.empty_cache()  # here, not above: the traceback holds the tensors of the failed batch
        if len(batch) == 1:
            problem = f"out of GPU memory ({reason})"
            yield batch[0], SampleError(batch[0].sample_id, problem, SAVE_MEMORY)
            return
        logger.warning("out of GPU memory with %d clips, trying one by one", len(batch))
        for request in batch:
            yield from self._work_off([request], guidance)

    def _make(self, batch: list[ClipRequest], guidance: Guidance) -> list[Outcome]:
        """Make a batch; a request whose pictures cannot be encoded becomes its error, the others go on."""
        conditions: list[Conditions] = []
        ready: list[ClipRequest] = []
        outcomes: list[Outcome] = []
        for request in batch:
            try:
                conditions.append(self.conditions(request, guidance))
                ready.append(request)
            except TpigeError as error:
                outcomes.append((request, error))
            except (OSError, ValueError) as error:
                problem = f"a reference or source video cannot be encoded ({error})"
                outcomes.append((request, SampleError(request.sample_id, problem, "replace it")))
        if ready:
            guider = self.guider(guidance)
            started = time.perf_counter()
            videos, latents = self.sample(ready, conditions, guidance, guider)
            share = round((time.perf_counter() - started) / len(ready), 3)
            for request, video, latent in zip(ready, videos, latents, strict=True):
                clip = self._clip(request, video, latent, guidance, guider, seconds=share)
                outcomes.append((request, clip))
        return outcomes

    def _clip(
        self,
        request: ClipRequest,
        video: np.ndarray,
        latent: torch.Tensor,
        guidance: Guidance,
        guider: IdAwareGuidance,
        *,
        seconds: float,  # of its share of the batch
    ) -> GeneratedClip | Exception:
        if not torch.isfinite(latent).all():
            problem = "sampling ended in values that are not finite"
            return SampleError(request.sample_id, problem, STAY_FINITE)
        details = clip_details(
            self.options,
            guidance,
            guider,
            **self.details(),
            **self.acceleration,
            **reused_forwards(self.block_cache),
            seconds=seconds,
            flow_shift=shift_of(self.pipeline.scheduler),
            noise_seed=self._seed(request),
            prompt_truncated=self.text.is_truncated(request.prompt),
            device=self.device.type,
            dtype=str(self.dtype).removeprefix("torch."),
        )
        return GeneratedClip((video * 255).round().astype(np.uint8), self.options.fps, details)

    def _seed(self, request: ClipRequest) -> int:
        return request.seed if self.options.shared_noise is None else self.options.shared_noise
