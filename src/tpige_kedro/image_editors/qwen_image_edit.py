"""Qwen-Image-Edit-2509: redraws a person as an instruction says, without ACE++'s seam and licence (Apache-2.0)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from tpige_kedro.image_editors.diffusers_editing import (
    EditorOptions,
    device_and_dtype,
    edit_one_by_one,
    load_pipeline,
    place,
)
from tpige_kedro.image_editors.protocol import EditRequest

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image


class QwenImageEditOptions(EditorOptions):
    """``true_cfg_scale`` is classifier-free guidance against ``negative_prompt``; the model card has 4 and 40 steps.

    ``instruction`` goes before the prompt: the model edits the picture it is given, so it is told whom to keep.
    """

    steps: Annotated[int, Field(ge=1)] = 40
    true_cfg_scale: Annotated[float, Field(ge=1)] = 4.0
    negative_prompt: str = " "
    instruction: str = "Keep the face and identity of the person in the picture. Redraw it as:"


class QwenImageEdit:
    """Redraws a portrait with ``QwenImageEditPlusPipeline``.

    Args:
        source: a folder in the layout of ``Qwen/Qwen-Image-Edit-2509``, or a hub id.
        revision: pins a hub id.
        options: fields of :class:`QwenImageEditOptions`.
    """

    version: ClassVar[int] = 1  # raise it when the same request gives other pixels

    def __init__(self, source: str, revision: str | None = None, **options: Any) -> None:
        from diffusers import QwenImageEditPlusPipeline

        from tpige_kedro.image_editors.qwen_processor import load_processor

        self.options = QwenImageEditOptions(**options)
        device, dtype = device_and_dtype(self.options)
        self.pipeline = load_pipeline(
            QwenImageEditPlusPipeline,
            source,
            revision,
            dtype,
            lambda: {"processor": load_processor(source, revision)},
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
