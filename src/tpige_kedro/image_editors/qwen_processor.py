"""The processor of Qwen2.5-VL for pictures and text only: transformers' own needs torchvision for videos, which no one edits here."""

from __future__ import annotations

from typing import Any

from transformers import AutoTokenizer, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin

FOLDER = "processor"


class PictureProcessor(Qwen2VLProcessor):
    """``Qwen2VLProcessor`` without its video part; a folder saved by either loads in the other."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None
    ) -> None:
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def load_processor(source: str, revision: str | None) -> PictureProcessor:
    """The processor in the subfolder of a pipeline's folder or hub id. Raises ``OSError`` or ``ValueError`` if it is not there."""
    where = {"subfolder": FOLDER, "revision": revision}
    return PictureProcessor(
        Qwen2VLImageProcessorPil.from_pretrained(source, **where),
        AutoTokenizer.from_pretrained(source, **where),
    )
