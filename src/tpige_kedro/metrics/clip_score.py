"""CLIPScore: the mean cosine of CLIP ViT-B/16 embeddings of the prompt and the frames.

It is no part of the overall score. The prompt is cut at 77 tokens, which is said in a column of its own.
"""

from __future__ import annotations

from typing import ClassVar

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
from tpige_kedro.weights.transformers_models import load_network, load_part

SAMPLED_FRAMES = 32
MAX_TOKENS = 77  # with those of begin and end
CLIP_B16 = Weights(
    "pytorch_model.bin (or model.safetensors)",
    "https://huggingface.co/openai/clip-vit-base-patch16",
    "code MIT; none stated for the weights",
)


def clip_score(text: Tensor, frames: Tensor) -> float:
    """The mean cosine of a text (D,) and frames (N, D), in [-1, 1], higher is better; about 0.3 for what matches.

    Raw: not scaled by 2.5 or 100 and not cut off at zero. The paper's tables print it times 100.
    """
    text, frames = (torch.nn.functional.normalize(v.double().cpu(), dim=-1) for v in (text, frames))
    return float((frames @ text).mean())


class ClipScorer:
    """CLIPScore of up to 32 frames against the original and the enhanced prompt, and whether these were cut.

    ``source`` is a folder or hub id in the layout of ``openai/clip-vit-base-patch16``; ``batch_size`` frames are embedded at once.
    """

    version: ClassVar[int] = 1  # raise it when the same clip gives other values
    # published as a torch file only
    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "source": ("*.json", "*.txt", "model*.safetensors|pytorch_model*.bin")
    }
    metrics: tuple[MetricSpec, ...] = (
        catalog.CLIP_SCORE,
        catalog.CLIP_SCORE_ENHANCED,
        catalog.CLIP_TRUNCATED,
        catalog.CLIP_TRUNCATED_ENHANCED,
    )
    weights: tuple[Weights, ...] = (CLIP_B16,)

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        device: Device | None = None,
        dtype: Dtype = "float32",
        batch_size: Count = 32,
    ) -> None:
        from transformers import CLIPModel, CLIPTokenizer
        from transformers.models.clip.image_processing_pil_clip import (
            CLIPImageProcessorPil,  # the default one resizes tensors, with other values
        )

        self.batch_size = batch_size
        folder = fetched(source, revision, files_of(self.files, "source", {}))
        self.tokenizer = load_part(CLIPTokenizer, folder)
        self.processor = load_part(CLIPImageProcessorPil, folder)
        self.network = load_network(
            CLIPModel, folder, getattr(torch, dtype), pick_device(device), pickled=True
        )

    def score(self, clip: ScoredClip) -> Values:
        """Embed the frames once and compare both prompts with them."""
        if len(clip.frames) == 0:
            return {metric.name: NO_FRAMES for metric in self.metrics}
        frames = self.embed_frames(clip.frames[distinct_indices(len(clip.frames), SAMPLED_FRAMES)])
        score, truncated = self.against(clip.prompt, frames)
        enhanced, enhanced_truncated = self.against(clip.enhanced_prompt, frames)
        return {
            "clip_score": score,
            "clip_score_enhanced": enhanced,
            "clip_truncated": truncated,
            "clip_truncated_enhanced": enhanced_truncated,
        }

    def against(
        self, prompt: str | None, frames: Tensor
    ) -> tuple[float | Missing, float | Missing]:
        """The score of embedded frames against a prompt, and 1 if the prompt was cut, else 0."""
        if prompt is None or not prompt.strip():
            missing = Missing("no enhanced prompt" if prompt is None else "the prompt is empty")
            return missing, missing
        return clip_score(self.embed_text(prompt)[0], frames), float(self.is_cut(prompt))

    def is_cut(self, prompt: str) -> bool:
        """Whether the prompt has more tokens than CLIP reads."""
        return len(self.tokenizer(prompt.strip(), verbose=False)["input_ids"]) > MAX_TOKENS

    @torch.inference_mode()
    def embed_text(self, prompt: str) -> Tensor:
        """The embedding (1, D) of what CLIP reads of a prompt."""
        tokens = self.tokenizer(
            prompt.strip(), truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        )
        embedding: Tensor = self.network.get_text_features(
            **tokens.to(self.network.device)
        ).pooler_output
        return embedding

    @torch.inference_mode()
    def embed_frames(self, frames: NDArray[np.uint8]) -> Tensor:
        """The embeddings (N, D) of frames (N, H, W, 3)."""
        from PIL import Image

        pictures = [Image.fromarray(frame) for frame in frames]
        device, dtype = self.network.device, self.network.dtype
        parts = [
            self.processor(images=pictures[i : i + self.batch_size], return_tensors="pt")
            for i in range(0, len(pictures), self.batch_size)
        ]
        return torch.cat(
            [
                self.network.get_image_features(
                    part["pixel_values"].to(device, dtype)
                ).pooler_output
                for part in parts
            ]
        )
