"""Tiny checkpoints of GME and CLIP in the rehearsal's layouts, in one file and in float32."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tpige_kedro.rehearsal.files import write_files
from tpige_kedro.rehearsal.layouts import clip, qwen
from tpige_kedro.rehearsal.layouts.tokenizers import qwen_files, qwen_ids

# the golden vectors and pins were made with these special tokens alone, so with fewer than are published
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")  # fmt: skip


def save_gme(folder: Path, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Path:
    """A folder like ``Alibaba-NLP/gme-Qwen2-VL-2B-Instruct`` with this network, remote code included."""
    texts = qwen_files(words=qwen.TINY_WORDS, special=SPECIAL)
    others = [f for f in qwen.gme(tiny=True) if f.name.endswith(".py") or "preprocessor" in f.name]
    write_files(folder, [*texts, *others])
    remote = {"AutoModel": "modeling_gme_qwen2vl.GmeQwen2VL"}
    described = {"model_type": "qwen2_vl", "auto_map": remote, **config}
    (folder / "config.json").write_text(json.dumps(described), encoding="utf-8")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def gme_config() -> dict[str, Any]:
    """The rehearsal's tiny sizes; the special tokens are those of :func:`save_gme`."""
    ids = qwen_ids(qwen.TINY_WORDS, SPECIAL)
    names = {"vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>",
             "image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>"}  # fmt: skip
    # pinned with the default epsilon of the library, not with the published one
    left_out = {"architectures", "auto_map", "bos_token_id", "eos_token_id", "vision_token_id", "rms_norm_eps"}  # fmt: skip
    sizes = {k: v for k, v in qwen.gme_config(tiny=True).items() if k not in left_out}
    words = qwen.TINY_WORDS + len(SPECIAL)
    return {**sizes, "vocab_size": words, **{key: ids[token] for key, token in names.items()}}


def tiny_gme(folder: Path, seed: int = 0) -> Path:
    """:func:`save_gme` with random weights under the published keys."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    torch.manual_seed(seed)
    network = Qwen2VLForConditionalGeneration(Qwen2VLConfig(**gme_config()))
    weights = {
        qwen.published_name(key): value.clone().contiguous() * 5
        for key, value in network.state_dict().items()
        if key != "lm_head.weight"
    }
    return save_gme(folder, gme_config(), weights)


def tiny_clip(folder: Path) -> Path:
    """A folder like ``openai/clip-vit-base-patch16`` with safetensors instead of the published torch file."""
    write_files(folder, clip.clip(tiny=True))
    published = folder / "pytorch_model.bin"
    weights = torch.load(published, weights_only=True)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    published.unlink()
    return folder
