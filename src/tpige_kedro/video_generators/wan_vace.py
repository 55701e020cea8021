"""Wan2.1-VACE, the paper's generator: references as leading frames of the control tensor, ID-aware guidance."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from diffusers import WanVACETransformer3DModel

from tpige_kedro.errors import SampleError
from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.guidance.skipping import hint_scale
from tpige_kedro.guidance.weak_branch import plain_twin, weak_control
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.batches import Conditions
from tpige_kedro.video_generators.parallel import set_up
from tpige_kedro.video_generators.protocol import ClipRequest, SourceVideo
from tpige_kedro.video_generators.wan import WanGenerator
from tpige_kedro.video_generators.wan_blocks import VaceSampling
from tpige_kedro.video_generators.wan_loading import Source
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.video_generators.wan_placement import place

GREY, WHITE = 0.0, 1.0


class WanVace(WanGenerator):
    """Makes clips with a VACE model in the layout of ``Wan-AI/Wan2.1-VACE-*-diffusers``; ``num_frames`` 1 makes pictures.

    Args:
        source: pipeline folder or hub id, a transformer folder, or a single file in the native layout (then with ``base``).
        revision: pins a hub id.
        base: where VAE, text encoder, tokenizer and scheduler are, if not in ``source``; ``base_revision`` pins it.
        weights: file name of native weights inside ``source``.
        conditioning_scale: factor on the hints of the control branch.
        options: fields of :class:`~tpige_kedro.video_generators.wan_options.WanOptions`.

    With ``letterbox: stock``, ``sigmas: diffusers`` and no identity weight it is bit-equal to diffusers' ``WanVACEPipeline``.
    """

    version: ClassVar[int] = 1  # raise it when the same request gives other pixels
    Options: ClassVar[type[WanOptions]] = WanOptions

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        *,
        base: str | None = None,
        base_revision: str | None = None,
        weights: str | None = None,
        conditioning_scale: float = 1.0,
        **options: Any,
    ) -> None:
        where = Source.of(self.files, source, revision, base, base_revision, weights)
        super().__init__(WanVACETransformer3DModel, VaceSampling(), where, WanOptions(**options))
        self._twin = plain_twin(self.transformer)  # before any offloading hook
        self._vace_layers: list[int] = list(self.transformer.config.vace_layers)
        self._conditioning_scale = float(conditioning_scale)
        self._scale = torch.full((len(self._vace_layers),), self._conditioning_scale)
        place(self.transformer, self.pipeline.vae, self.device, self.dtype, self.options)
        set_up(self.transformer, self.options, self.device)

    def guider(self, guidance: Guidance) -> IdAwareGuidance:
        """The guider of Eq. 2-3."""
        guider: IdAwareGuidance = IdAwareGuidance.from_settings(guidance)
        return guider

    def call_options(self, guidance: Guidance) -> dict[str, Any]:
        """The scales of the hints, and the plain twin where the weak branch is of form ``t2v``."""
        weak = hint_scale(self._scale, self._vace_layers, guidance.skip_layers)
        plain = guidance.weak_branch == "t2v"
        return {
            "hint_scale": self._scale.to(self.device),
            "hint_scale_weak": None if plain else weak.to(self.device),
            "weak_transformer": self._twin if plain else None,
        }

    def details(self) -> dict[str, Any]:
        """The scale of the control branch."""
        return {"conditioning_scale": self._conditioning_scale}

    def conditions(self, request: ClipRequest, guidance: Guidance) -> Conditions:
        """The control tensor (1, 96, R + F, h, w) of the request and that of the weak branch."""
        references = [self.pictures.reference(picture) for picture in request.references]
        control = torch.cat(
            [*map(_reference_control, references), self._video_control(request)], dim=2
        )
        if guidance.identity_weight == 0:
            return {"control": control, "control_weak": None}
        form = guidance.weak_branch
        blank = self.pictures.plain(WHITE, 1) if form == "blank_reference" else None
        return {
            "control": control,
            "control_weak": weak_control(form, control, len(references), blank),
        }

    def _video_control(self, request: ClipRequest) -> torch.Tensor:
        """The frames after the references: all to be generated, or a source video with its mask."""
        if request.source_video is not None:
            return self._source_control(request.sample_id, request.source_video)
        # without a video, its part to keep and its part to redraw are the same middle grey
        grey = self.pictures.plain(GREY, self.options.num_frames)
        mask = torch.ones(1, 64, *grey.shape[2:])
        return torch.cat([grey, grey, mask], dim=1)

    def _source_control(self, sample_id: str, video: SourceVideo) -> torch.Tensor:
        from diffusers.modular_pipelines.wan.encoders import WanVaceEncoderStep

        count, options = self.options.num_frames, self.options
        if len(video.frames) != count or (video.mask is not None and len(video.mask) != count):
            raise SampleError(
                sample_id,
                f"source video or mask does not have {count} frames",
                "cut it, or set num_frames",
            )
        to_pixels = self.pipeline.video_processor.preprocess_video
        frames = to_pixels(list(video.frames / 255.0), options.height, options.width).float()
        if video.mask is None:
            mask = torch.ones_like(frames)
        else:
            pictures = [picture[..., None].repeat(3, -1) / 255.0 for picture in video.mask]
            mask = (to_pixels(pictures, options.height, options.width).float() + 1) / 2
        hard = (mask > 0.5).float()  # for the frames only; the mask channels keep soft edges
        kept, redrawn = (
            self.pictures.encode(part) for part in (frames * (1 - hard), frames * hard)
        )
        unshuffled = WanVaceEncoderStep.prepare_masks(self.pipeline, mask, [[]])
        return torch.cat([kept.cpu(), redrawn.cpu(), unshuffled], dim=1)


def _reference_control(latent: torch.Tensor) -> torch.Tensor:
    """The control frame of a reference: [latent | nothing to redraw | mask 0], all to be kept."""
    return torch.cat(
        [latent, torch.zeros_like(latent), latent.new_zeros(1, 64, *latent.shape[2:])], dim=1
    )
