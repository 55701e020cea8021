"""The processor of Qwen2.5-VL for pictures and text only: transformers' own needs torchvision for videos, which no one edits here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor
from transformers.processing_utils import ProcessorMixin

from tpige_kedro.weights.transformers_models import load_part


class PictureProcessor(Qwen2VLProcessor):
    """``Qwen2VLProcessor`` without its video part; a folder saved by either loads in the other."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None
    ) -> None:
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def load_processor(folder: Path) -> PictureProcessor:
    """The processor in the subfolder of a pipeline's folder. Raises :class:`~tpige_kedro.errors.ModelError` if it is missing."""
    return PictureProcessor(
        load_part(Qwen2VLImageProcessorPil, folder), load_part(AutoTokenizer, folder)
    )
