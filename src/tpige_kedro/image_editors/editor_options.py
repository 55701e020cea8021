"""The options of the editors that run a diffusers pipeline, apart from them, so that they are checked without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tpige_kedro.option_types import Amount, Count, Device, Dtype, SidePixels
from tpige_kedro.schemas import Settings


class EditorOptions(Settings):
    """Size of the picture, steps, and where and how it is computed.

    ``device`` and ``dtype`` None: cuda and bfloat16 where there is a GPU, cpu and float32 elsewhere. ``offload``: ``model``
    holds one part on the GPU at a time, ``sequential`` one layer at a time (slow).
    """

    height: SidePixels = 1024
    width: SidePixels = 1024
    steps: Count = 28
    max_sequence_length: Count = 512
    device: Device | None = None
    dtype: Dtype | None = None
    offload: Literal["none", "model", "sequential"] = "none"


class AcePlusOptions(EditorOptions):
    """``instruction`` goes before the prompt, in the wording of the authors' examples; ``max_tokens`` bounds the canvas."""

    guidance_scale: Amount = 50.0
    max_tokens: Annotated[int, Field(ge=64)] = 4096
    instruction: str = "Maintain the facial features."


class QwenImageEditOptions(EditorOptions):
    """``true_cfg_scale`` is classifier-free guidance against ``negative_prompt``; the model card has 4 and 40 steps.

    ``instruction`` goes before the prompt: the model edits the picture it is given, so this says whom to keep.
    """

    steps: Count = 40
    true_cfg_scale: Annotated[float, Field(ge=1)] = 4.0
    negative_prompt: str = " "
    instruction: str = "Keep the face and identity of the person in the picture. Redraw it as:"
