"""Text and pictures as a local vision-language model takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoProcessor
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.processing_utils import ProcessorMixin

from tpige_kedro.weights.transformers_models import load_part
from tpige_kedro.weights.whole import read_json

QWEN = frozenset({"qwen2_vl", "qwen2_5_vl"})


class QwenPictureProcessor(Qwen2_5_VLProcessor):
    """The processor of the Qwen-VL family without its part for videos, which needs torchvision and is not used here."""

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        chat_template: str | None = None,
        **_: Any,
    ) -> None:
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def load_processor(folder: Path) -> Any:
    """The processor of the model in ``folder``. Raises :class:`~tpige_kedro.errors.ModelError`."""
    is_qwen = read_json(folder / "config.json").get("model_type") in QWEN
    return load_part(QwenPictureProcessor if is_qwen else AutoProcessor, folder)
