"""Qwen-Image-Edit-2509: redraws a person as an instruction says, without ACE++'s seam and licence (Apache-2.0)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tpige_kedro.image_editors.diffusers_editing import (
    device_and_dtype,
    edit_one_by_one,
    first_device,
    place,
)
from tpige_kedro.image_editors.editor_options import QwenImageEditOptions
from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.parts import files_of
from tpige_kedro.weights.pipelines import load_pipeline

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image


class QwenImageEdit:
    """Redraws a portrait with ``QwenImageEditPlusPipeline``.

    Args:
        source: a folder in the layout of ``Qwen/Qwen-Image-Edit-2509``, or a hub id.
        revision: pins a hub id.
        options: fields of :class:`~.editor_options.QwenImageEditOptions`.
    """

    version: ClassVar[int] = 1  # raise it when the same request gives other pixels
    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "source": (
            "model_index.json",
            "transformer/*",
            "vae/*",
            "text_encoder/*",
            "tokenizer/*",
            "scheduler/*",
            "processor/*",
        ),
    }
    Options: ClassVar[type[QwenImageEditOptions]] = QwenImageEditOptions

    def __init__(self, source: str, revision: str | None = None, **options: Any) -> None:
        from diffusers import QwenImageEditPlusPipeline

        from tpige_kedro.image_editors.qwen_processor import load_processor

        self.options = QwenImageEditOptions(**options)
        device, dtype = device_and_dtype(self.options)
        folder = fetched(source, revision, files_of(self.files, "source", {}))
        self.pipeline = load_pipeline(
            QwenImageEditPlusPipeline,
            folder,
            dtype,
            first_device(self.options, device),
            {"processor": load_processor(folder / "processor")},
        )
        place(self.pipeline, device, self.options)

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Image | Exception]]:
        """See :class:`~tpige_kedro.image_editors.protocol.ImageEditor`."""
        yield from edit_one_by_one(requests, self._draw)

    def _draw(self, request: EditRequest, generator: torch.Generator) -> Image:
        options = self.options
        guided = options.true_cfg_scale > 1
        picture: Image = self.pipeline(
            image=[request.reference.convert("RGB")],
            prompt=f"{options.instruction} {request.prompt}".strip(),
            negative_prompt=options.negative_prompt if guided else None,
            true_cfg_scale=options.true_cfg_scale,
            height=options.height,
            width=options.width,
            num_inference_steps=options.steps,
            max_sequence_length=options.max_sequence_length,
            generator=generator,
        ).images[0]
        return picture
