"""GMEScore: how well frames match the prompt, by the cosine of embeddings of gme-Qwen2-VL-2B (paper section 3.5).

The network runs in stock transformers. Its own remote code refuses transformers from 4.52 on and calls the language model
without position ids, so that image tokens get plain positions 0, 1, 2, ... where stock Qwen2-VL gives them two-dimensional
ones; the positions are therefore passed explicitly here.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tpige_kedro.metrics import catalog
from tpige_kedro.metrics.face_similarity import NO_FRAMES
from tpige_kedro.metrics.frame_sampling import distinct_indices
from tpige_kedro.metrics.protocol import MetricSpec, Missing, ScoredClip, Values
from tpige_kedro.networks.devices import pick_device
from tpige_kedro.option_types import Count, Device, Dtype
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.parts import files_of
from tpige_kedro.weights.published import Weights
from tpige_kedro.weights.transformers_models import load_network, load_part, load_tokenizer

SAMPLED_FRAMES = 16
TEXT_INSTRUCTION = "Find frames that match the given text description."
IMAGE_INSTRUCTION = "You are a helpful assistant."
IMAGE_PAD = "<|image_pad|>"
MAX_TOKENS = 1800
CELL = 28  # pixels of a side that become one token: patches of 14, merged two by two
FIRST_PIXELS = (4 * CELL**2, 16384 * CELL**2)  # of the model's own code
SECOND_PIXELS = (256 * CELL**2, 1280 * CELL**2)  # of its image processor
GME_2B = Weights(
    "model.safetensors (or its parts)",
    "https://huggingface.co/Alibaba-NLP/gme-Qwen2-VL-2B-Instruct",
    "Apache-2.0",
)


def gme_score(text: Tensor, frames: Tensor) -> float:
    """The mean cosine of a text and frames, in [-1, 1], higher is better; about 0.6 for what matches.

    Args:
        text: (D,) normalised embedding.
        frames: (N, D) normalised embeddings, N at least 1.

    The products are taken on the CPU in the embeddings' own type, the mean in double precision: in half precision, as
    published, every frame's value is a multiple of 2^-11.
    """
    return float((frames.cpu() @ text.cpu()).double().mean())


def chat(instruction: str, text: str = "", image_tokens: int = 0) -> str:
    """The conversation whose last token's hidden state is the embedding."""
    image = f"<|vision_start|>{IMAGE_PAD * image_tokens}<|vision_end|>" if image_tokens else ""
    return (
        f"<|im_start|>system\n{instruction}<|im_end|>\n<|im_start|>user\n{image}{text}<|im_end|>\n"
        "<|im_start|>assistant\n<|endoftext|>"
    )


def smart_resize(height: int, width: int, pixels: tuple[int, int]) -> tuple[int, int]:
    """The size (height, width) in multiples of 28 nearest to the given one, with its area between the two ``pixels``.

    Source: Qwen2-VL's preprocessing. Halves round to even.
    """
    least, most = pixels
    high, wide = round(height / CELL) * CELL, round(width / CELL) * CELL
    if high * wide > most:
        shrink = math.sqrt(height * width / most)
        return math.floor(height / shrink / CELL) * CELL, math.floor(width / shrink / CELL) * CELL
    if high * wide < least:
        grow = math.sqrt(least / (height * width))
        return math.ceil(height * grow / CELL) * CELL, math.ceil(width * grow / CELL) * CELL
    return high, wide


def embed(network: Any, input_ids: Tensor, attention_mask: Tensor, **image: Tensor) -> Tensor:
    """Normalised embeddings (B, D) of token sequences (B, L) padded on the right.

    Args:
        network: ``Qwen2VLForConditionalGeneration``.
        input_ids: the tokens; ``attention_mask`` is 1 where there is one.
        attention_mask: (B, L).
        image: ``pixel_values`` and ``image_grid_thw`` of Qwen2-VL's image processor, or nothing.
    """
    count, length = input_ids.shape
    positions = torch.arange(length, device=input_ids.device).expand(3, count, length)
    hidden = network.model(
        input_ids=input_ids,
        attention_mask=attention_mask,
        position_ids=positions,
        use_cache=False,
        **image,
    ).last_hidden_state
    last = attention_mask.sum(dim=1) - 1
    return torch.nn.functional.normalize(hidden[torch.arange(count, device=last.device), last])


class GmeScorer:
    """GMEScore of up to 16 frames against the original prompt, as in the paper's tables, and against the enhanced one.

    ``source`` is a folder or hub id in the layout of ``Alibaba-NLP/gme-Qwen2-VL-2B-Instruct``. ``dtype`` is float16 in the
    published setting; ``batch_size`` frames are embedded at once.
    """

    version: ClassVar[int] = 1  # raise it when the same clip gives other values
    files: ClassVar[dict[str, tuple[str, ...]]] = {"source": ("*.json", "*.txt", "*.safetensors")}
    metrics: tuple[MetricSpec, ...] = (catalog.GME_SCORE, catalog.GME_SCORE_ENHANCED)
    weights: tuple[Weights, ...] = (GME_2B,)

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        device: Device | None = None,
        dtype: Dtype = "float16",
        batch_size: Count = 4,
    ) -> None:
        from transformers import Qwen2Tokenizer, Qwen2VLForConditionalGeneration
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
            Qwen2VLImageProcessorPil,  # the default one resizes tensors, with other values
        )

        least, most = SECOND_PIXELS
        self.batch_size = batch_size
        folder = fetched(source, revision, files_of(self.files, "source", {}))
        self.tokenizer = load_tokenizer(Qwen2Tokenizer, folder, padding_side="right")
        self.processor = load_part(
            Qwen2VLImageProcessorPil, folder, min_pixels=least, max_pixels=most
        )
        self.network = load_network(
            Qwen2VLForConditionalGeneration, folder, getattr(torch, dtype), pick_device(device)
        )

    def score(self, clip: ScoredClip) -> Values:
        """Embed the frames once and compare both prompts with them."""
        if len(clip.frames) == 0:
            return {metric.name: NO_FRAMES for metric in self.metrics}
        frames = self.embed_frames(clip.frames[distinct_indices(len(clip.frames), SAMPLED_FRAMES)])
        return {
            "gme_score": self.against(clip.prompt, frames),
            "gme_score_enhanced": self.against(clip.enhanced_prompt, frames),
        }

    def against(self, prompt: str | None, frames: Tensor) -> float | Missing:
        """The score of embedded frames against a prompt."""
        if prompt is None:
            return Missing("no enhanced prompt")
        if not prompt.strip():
            return Missing("the prompt is empty")
        return gme_score(self.embed_text(prompt)[0], frames)

    @torch.inference_mode()
    def embed_text(self, text: str, instruction: str = TEXT_INSTRUCTION) -> Tensor:
        """The embedding (1, D) of a text that looks for frames."""
        return embed(self.network, *self.tokens(chat(instruction, text.strip())))

    @torch.inference_mode()
    def embed_frames(self, frames: NDArray[np.uint8]) -> Tensor:
        """The embeddings (N, D) of frames (N, H, W, 3) of one size."""
        parts = [frames[i : i + self.batch_size] for i in range(0, len(frames), self.batch_size)]
        return torch.cat([self.embed_batch(part) for part in parts])

    def embed_batch(self, frames: NDArray[np.uint8]) -> Tensor:
        """The embeddings of a few frames: all have as many tokens, so that nothing is padded."""
        from PIL import Image

        height, width = smart_resize(frames.shape[1], frames.shape[2], FIRST_PIXELS)
        pictures = [
            Image.fromarray(f).resize((width, height), Image.Resampling.BICUBIC) for f in frames
        ]
        pixels = self.processor(images=pictures, return_tensors="pt")
        grid = pixels["image_grid_thw"]
        tokens = self.tokens(chat(IMAGE_INSTRUCTION, image_tokens=int(grid[0].prod()) // 4))
        ids, mask = (t.expand(len(frames), -1) for t in tokens)
        device, dtype = self.network.device, self.network.dtype
        values = pixels["pixel_values"].to(device, dtype)
        return embed(self.network, ids, mask, pixel_values=values, image_grid_thw=grid.to(device))

    def tokens(self, text: str) -> tuple[Tensor, Tensor]:
        """Token ids and attention mask (1, L) of a conversation, cut at 1800 tokens as published."""
        encoded = self.tokenizer(
            text, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        ).to(self.network.device)
        return encoded["input_ids"], encoded["attention_mask"]
