"""ACE++ portrait (the paper's editor, section 3.3): FLUX.1-Fill-dev with a LoRA draws beside the reference.

The licence of the weights, FLUX.1 [dev] Non-Commercial, forbids commercial use; :mod:`.qwen_image_edit` has no such limit.
Settings as published in ``ali-vilab/ACE_plus``: guidance 50, 28 steps, target 1024 x 1024, at most 4096 tokens.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tpige_kedro.errors import ModelError
from tpige_kedro.image_editors.canvas import compose, crop_target, lay_out
from tpige_kedro.image_editors.diffusers_editing import (
    device_and_dtype,
    edit_one_by_one,
    first_device,
    place,
)
from tpige_kedro.image_editors.editor_options import AcePlusOptions
from tpige_kedro.image_editors.lora import merge_lora_file
from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.parts import files_of
from tpige_kedro.weights.pipelines import load_pipeline

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

logger = logging.getLogger(__name__)

LICENCE = "FLUX.1 [dev] Non-Commercial License"
PORTRAIT = "portrait/comfyui_portrait_lora64.safetensors"


class AcePlus:
    """Redraws a portrait with ``FluxFillPipeline`` on a canvas whose left half is the reference.

    Args:
        source: FLUX.1-Fill-dev, a folder in diffusers' layout or a hub id (gated).
        revision: pins a hub id.
        lora: folder, file or hub id of the LoRA; ``lora_weights`` is the file in a folder or repository, ``lora_revision``
            pins a hub id.
        options: fields of :class:`~.editor_options.AcePlusOptions`.
    """

    version: ClassVar[int] = 1  # raise it when the same request gives other pixels
    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "source": (
            "model_index.json",
            "transformer/*",
            "vae/*",
            "text_encoder/*",
            "text_encoder_2/*",
            "tokenizer/*",
            "tokenizer_2/*",
            "scheduler/*",
        ),
        "lora with lora_weights": ("{lora_weights}",),
        "lora": ("portrait/comfyui_portrait_lora64.safetensors",),
    }
    weight_options: ClassVar[dict[str, str | None]] = {"lora": "ali-vilab/ACE_Plus"}
    Options: ClassVar[type[AcePlusOptions]] = AcePlusOptions

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        *,
        lora: str = "ali-vilab/ACE_Plus",
        lora_weights: str = PORTRAIT,
        lora_revision: str | None = None,
        **options: Any,
    ) -> None:
        from diffusers import FluxFillPipeline

        self.options = AcePlusOptions(**options)
        device, dtype = device_and_dtype(self.options)
        file = lora_file(lora, lora_weights, lora_revision)
        folder = fetched(source, revision, files_of(self.files, "source", {}))
        first = first_device(self.options, device)
        self.pipeline = load_pipeline(FluxFillPipeline, folder, dtype, first)
        check_is_fill(self.pipeline.transformer, folder)
        changed = merge_lora_file(self.pipeline.transformer, file)
        place(self.pipeline, device, self.options)
        logger.warning(
            "ACE++ on FLUX.1-Fill-dev: its licence is the %s; what it draws must not be used commercially beyond what "
            "that licence allows (%d matrices changed by the LoRA)",
            LICENCE,
            changed,
        )

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Image | Exception]]:
        """See :class:`~tpige_kedro.image_editors.protocol.ImageEditor`."""
        yield from edit_one_by_one(requests, self._draw)

    def _draw(self, request: EditRequest, generator: torch.Generator) -> Image:
        options = self.options
        target = (options.width, options.height)
        layout = lay_out(request.reference.size, target, options.max_tokens)
        canvas, mask = compose(request.reference, layout)
        # picture and mask, not masked latents as in the authors' script: diffusers 0.42 refuses those without a picture
        drawn = self.pipeline(
            prompt=f"{options.instruction} {request.prompt}".strip(),
            image=canvas,
            mask_image=mask,
            height=layout.height,
            width=layout.width,
            guidance_scale=options.guidance_scale,
            num_inference_steps=options.steps,
            max_sequence_length=options.max_sequence_length,
            generator=generator,
        ).images[0]
        return crop_target(drawn, layout, target)


def check_is_fill(transformer: Any, folder: Path) -> None:
    """Refuse FLUX.1-dev and related models, which take no image and mask with the noise. Raises :class:`ModelError`."""
    sizes = transformer.config
    if sizes.in_channels <= (sizes.out_channels or sizes.in_channels):
        raise ModelError(
            f"{folder} is not a FLUX Fill model: its transformer takes no picture and mask; set models.<name>.source to "
            "black-forest-labs/FLUX.1-Fill-dev or a copy of it"
        )


def lora_file(lora: str, weights: str, revision: str | None) -> Path:
    """The LoRA's file on this machine: itself, or inside a folder or hub repository. Raises :class:`ModelError` naming it."""
    place = fetched(lora, revision, files_of(AcePlus.files, "lora", {"lora_weights": weights}))
    file = place / weights if place.is_dir() else place
    if not file.is_file():
        raise ModelError(f"LoRA {file}: no such file; set options.lora_weights")
    return file
