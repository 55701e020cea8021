"""What the Wan generators have in common: the parts, batches of equal geometry, sampling, and running out of memory."""

from __future__ import annotations

import logging
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers.modular_pipelines import SequentialPipelineBlocks, WanModularPipeline

from tpige_kedro.errors import ModelError, SampleError, TpigeError
from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.guidance.schedules import check_windows
from tpige_kedro.guidance.skipping import check_skip_layers
from tpige_kedro.networks.onednn import convolve_by_onednn
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.acceleration import accelerate, while_loading
from tpige_kedro.video_generators.arriving import ArrivingFrames, Frames
from tpige_kedro.video_generators.batches import Conditions, batches, stacked
from tpige_kedro.video_generators.block_cache import BlockCache
from tpige_kedro.video_generators.negative_prompt import text_of
from tpige_kedro.video_generators.parallel import added_up, check_skipping
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from tpige_kedro.video_generators.wan_decoding import as_decoder_input, decoded_frames
from tpige_kedro.video_generators.wan_encoding import PictureEncoder, TextEncoder
from tpige_kedro.video_generators.wan_files import WanFiles
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
from tpige_kedro.weights.pipelines import STEP_BAR

logger = logging.getLogger(__name__)

Outcome = tuple[ClipRequest, GeneratedClip | Exception]
SAVE_MEMORY = (
    "set the model's options offload: model (or group), fp8_storage: true, vae_dtype: bfloat16, vae_tiling: true "
    "or stream_text_encoder: true, or lower height, width or num_frames"
)
STAY_FINITE = "set the model's option dtype to bfloat16 or float32, or lower the guidance weights"


class WanGenerator(WanFiles, ABC):
    """A transformer of the Wan family with its VAE, text encoder and scheduler. Not to be shared between threads."""

    max_references: ClassVar[int] = 4  # pictures of one person; Phantom was trained with up to four
    identified_options: ClassVar[str] = "tpige_kedro.video_generators.negative_prompt.identified"

    def __init__(
        self,
        transformer_class: Any,
        blocks: SequentialPipelineBlocks,
        source: Source,
        options: WanOptions,
    ) -> None:
        self.options = options
        self.negative_prompt = text_of(options.negative_prompt, options.negative_prompt_file)
        self.device, self.dtype = device_and_dtype(options)
        first = first_device(options, self.device)
        loading = while_loading(options, self.device)
        self.transformer = load_transformer(transformer_class, source, self.dtype, first, loading)
        self.acceleration = accelerate(self.transformer, options, self.device, self.dtype)
        vae = load_vae(source, first, getattr(torch, options.vae_dtype))
        if options.vae_convolutions == "onednn" and self.device.type == "cpu":
            convolve_by_onednn(vae)
        scheduler = load_scheduler(source)
        self.pipeline = WanModularPipeline(blocks=blocks)
        self.pipeline.register_components(
            transformer=self.transformer,
            vae=vae,
            scheduler=sampler(scheduler, options.sampler, options.flow_shift),
        )
        self.pipeline.set_progress_bar_config(**STEP_BAR)
        self.text = TextEncoder(
            lambda: self._text_encoder(source),
            load_tokenizer(source),
            options.max_sequence_length,
            self.device,
            "free" if options.free_text_encoder else "keep" if options.offload == "none" else "cpu",
            streamed=options.streams_text,
        )
        self.ahead: tuple[str, ...] = ()  # prompts of calls to come
        self.block_cache: BlockCache | None = None
        self.pictures = PictureEncoder(
            self.pipeline, options.height, options.width, options.letterbox
        )

    def _text_encoder(self, source: Source) -> Any:
        if not self.options.streams_text:
            return load_text_encoder(source, self.dtype, self.device)
        return streamed_text_encoder(load_text_encoder(source, self.dtype), self.device)

    def generate(self, requests: Sequence[ClipRequest], guidance: Guidance) -> Iterator[Outcome]:
        """See :class:`~tpige_kedro.video_generators.protocol.VideoGenerator`."""
        self.check(guidance)
        prompts = [self.negative_prompt, *(request.prompt for request in requests)]
        self.text.prepare(prompts, self.ahead)
        for batch in batches(requests, self.options.batch_size, key=lambda r: len(r.references)):
            yield from self._work_off(batch, guidance)

    def foresee(self, prompts: Sequence[str]) -> None:
        """Announce what later calls will request: a text encoder that is freed after each call is then loaded for many of them."""
        self.ahead = tuple(prompts)

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
        """Clips of equal geometry before rounding: videos (B, T, H, W, 3) in [0, 1] and their latents (B, 16, F, h, w)."""
        latents = self.latents(requests, conditions, guidance, guider)
        return self.videos(latents), latents

    @torch.no_grad()
    def videos(self, latents: torch.Tensor) -> np.ndarray:
        """Decode latents (B, 16, F, h, w): videos (B, T, H, W, 3) in [0, 1], before rounding."""
        vae = self.pipeline.vae
        pixels = vae.decode(as_decoder_input(vae, latents)).sample.float()
        videos: np.ndarray = self.pipeline.video_processor.postprocess_video(pixels, "np")
        return videos

    def latents(
        self,
        requests: Sequence[ClipRequest],
        conditions: Sequence[Conditions],
        guidance: Guidance,
        guider: IdAwareGuidance,
    ) -> torch.Tensor:
        """Sample clips of equal geometry: their latents (B, 16, F, h, w), without those of references."""
        self.block_cache = None if self.options.cache is None else BlockCache(self.options.cache)
        options, references = self.options, len(requests[0].references)
        self.pipeline.register_components(guider=guider)
        negative = self.text[self.negative_prompt].to(self.dtype)
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
            split_branches=options.parallel.branches,
            block_cache=self.block_cache,
            **stacked(conditions, self.device, self.dtype),
            **self.call_options(guidance),
        )
        if self.block_cache is not None and options.parallel.branches:
            self.block_cache.reused = added_up(self.block_cache.reused)  # each rank saw its own
        latents: torch.Tensor = state.get("latents")
        return latents

    def _work_off(self, batch: list[ClipRequest], guidance: Guidance) -> Iterator[Outcome]:
        """Make a batch; if it is too large for the GPU make its clips one by one, and yield an error for one too large."""
        try:
            outcomes = self._make(batch, guidance)
        except torch.cuda.OutOfMemoryError as error:
            reason = str(error).splitlines()[0]
            if self.options.parallel != Parallel():  # the other ranks wait for this one
                raise ModelError(f"out of GPU memory ({reason}); {SAVE_MEMORY}") from error
        else:
            yield from handed_out(outcomes)
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
            latents = self.latents(ready, conditions, guidance, guider)
            finite = latents.isfinite().flatten(1).all(dim=1).tolist()  # waits for the GPU
            share = (time.perf_counter() - started) / len(ready)
            for request, latent, is_finite in zip(ready, latents, finite, strict=True):
                if not is_finite:
                    problem = "sampling ended in values that are not finite"
                    outcomes.append((request, SampleError(request.sample_id, problem, STAY_FINITE)))
                    continue
                clip = self._clip(request, latent, guidance, guider, seconds=share)
                outcomes.append((request, clip))
        return outcomes

    def _clip(
        self,
        request: ClipRequest,
        latent: torch.Tensor,
        guidance: Guidance,
        guider: IdAwareGuidance,
        *,
        seconds: float,  # of its share of the batch
    ) -> GeneratedClip:
        """The clip, which is decoded when its frames are taken; its ``seconds`` then say how long it took in all."""
        options = self.options
        details = clip_details(
            options,
            guidance,
            guider,
            **self.details(),
            **self.acceleration,
            **reused_forwards(self.block_cache),
            seconds=round(seconds, 3),
            negative_prompt=self.negative_prompt,
            flow_shift=shift_of(self.pipeline.scheduler),
            noise_seed=self._seed(request),
            prompt_truncated=self.text.is_truncated(request.prompt),
            device=self.device.type,
            dtype=str(self.dtype).removeprefix("torch."),
        )

        def decoded() -> Iterator[Frames]:
            started, reason = time.perf_counter(), ""
            try:
                yield from decoded_frames(self.pipeline.vae, latent, options.frame_rounding)
            except torch.cuda.OutOfMemoryError as error:
                reason = str(error).splitlines()[0]
            if reason:  # here, not above: the traceback holds the tensors of the decoder
                problem = f"out of GPU memory when it was decoded ({reason})"
                raise SampleError(request.sample_id, problem, SAVE_MEMORY)
            details["seconds"] = round(seconds + time.perf_counter() - started, 3)

        shape = (options.num_frames, options.height, options.width, 3)
        return GeneratedClip(ArrivingFrames(shape, decoded), options.fps, details)

    def _seed(self, request: ClipRequest) -> int:
        return request.seed if self.options.shared_noise is None else self.options.shared_noise


def handed_out(outcomes: list[Outcome]) -> Iterator[Outcome]:
    """Each outcome once; a clip that somebody holds, and whose frames nobody has taken, is decoded before the next."""
    while outcomes:
        request, outcome = outcomes.pop(0)
        held = weakref.ref(outcome) if isinstance(outcome, GeneratedClip) else None
        yield request, outcome
        del outcome
        if held is not None and (clip := held()) is not None:
            clip.settle()
