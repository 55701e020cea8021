"""Phantom-Wan: references as clean latents in the last frames of a plain Wan transformer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from diffusers import WanTransformer3DModel

from tpige_kedro.guidance.phantom import PhantomGuidance
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.batches import Conditions
from tpige_kedro.video_generators.parallel import set_up
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan import WanGenerator
from tpige_kedro.video_generators.wan_blocks import PhantomSampling
from tpige_kedro.video_generators.wan_loading import Source
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.video_generators.wan_placement import place


class Phantom(WanGenerator):
    """Makes clips with a Phantom transformer and the other parts of a Wan2.1 pipeline.

    The variant's ``guidance.text_weight`` is Phantom's text scale (published: 7.5), its ``identity_weight`` our addition;
    see :class:`~tpige_kedro.guidance.phantom.PhantomGuidance`. The weak branch has zeros for the reference,
    as in Phantom's training, so ``weak_branch`` must be ``as_published`` or ``aligned`` (the same here).

    Plain Wan text-to-video with layer-skip guidance is the same thing without references: a Wan-T2V ``source``, ``image_scale``
    1, ``text_weight`` the classifier-free scale.

    Args:
        source: a folder with the transformer (or with its subfolder ``transformer``), native weights as published (the file
            ``Phantom-Wan-1.3B.pth``, or a folder with an index and its shards), or a hub id.
        base: pipeline folder or hub id with VAE, text encoder, tokenizer and scheduler, and for native weights the sizes of the
            transformer: of plain Wan or of VACE (``Wan-AI/Wan2.1-VACE-1.3B-diffusers``), of as many parameters.
        weights: the file or index with the native weights in ``source``.
        revision, base_revision: pin ``source`` and ``base`` if they are hub ids.
        image_scale: weight of the reference (published: 5.0); 1 drops the image-free branch.
        options: fields of :class:`~tpige_kedro.video_generators.wan_options.WanOptions`.
    """

    version: ClassVar[int] = 1  # raise it when the same request gives other pixels
    Options: ClassVar[type[WanOptions]] = WanOptions
    weak_forms: ClassVar[tuple[str, ...]] = ("as_published", "aligned")

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        *,
        base: str,
        base_revision: str | None = None,
        weights: str | None = None,
        image_scale: float = 5.0,
        **options: Any,
    ) -> None:
        where = Source.of(self.files, source, revision, base, base_revision, weights)
        super().__init__(WanTransformer3DModel, PhantomSampling(), where, WanOptions(**options))
        self._image_scale = image_scale
        place(self.transformer, self.pipeline.vae, self.device, self.dtype, self.options)
        set_up(self.transformer, self.options, self.device)

    def guider(self, guidance: Guidance) -> PhantomGuidance:
        """Phantom's own guidance with the identity term."""
        guider: PhantomGuidance = PhantomGuidance.from_settings(
            guidance, image_scale=self._image_scale
        )
        return guider

    def check(self, guidance: Guidance) -> None:
        """Also refuses the weak forms that Phantom does not have."""
        super().check(guidance)
        if guidance.weak_branch not in self.weak_forms:
            raise ValueError(
                f"guidance.weak_branch: {guidance.weak_branch!r} is a form of VACE; for Phantom set 'as_published'"
            )

    def details(self) -> dict[str, Any]:
        """The weight of the reference."""
        return {"image_scale": self._image_scale}

    def conditions(self, request: ClipRequest, guidance: Guidance) -> Conditions:
        """The reference latents (1, 16, R, h, w), in the order of the references."""
        latents = [self.pictures.reference(picture) for picture in request.references]
        empty = torch.zeros(1, 16, 0, self.options.height // 8, self.options.width // 8)
        return {"reference_latents": torch.cat([empty, *latents], dim=2)}
