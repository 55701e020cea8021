"""Tiny checkpoints of Qwen2-VL and CLIP with random weights, in the files and keys of the published ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
VISION = ["<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]


def byte_letters() -> list[str]:
    """The 256 letters that stand for bytes in byte-level vocabularies."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return list(bytes_to_unicode().values())


def write_json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")


def save_gme(folder: Path, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Path:
    """A folder like ``Alibaba-NLP/gme-Qwen2-VL-2B-Instruct``, remote code included; the tokenizer knows single bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    remote = {"AutoModel": "modeling_gme_qwen2vl.GmeQwen2VL"}
    write_json(folder / "config.json", {"model_type": "qwen2_vl", "auto_map": remote, **config})
    (folder / "modeling_gme_qwen2vl.py").write_text("raise ImportError('transformers<4.52.0')\n")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    write_json(folder / "vocab.json", {letter: i for i, letter in enumerate(byte_letters())})
    (folder / "merges.txt").write_text("#version: 0.2\n")
    added = {
        str(256 + i): {"content": token, "special": True, "normalized": False, "lstrip": False}
        | {"rstrip": False, "single_word": False}
        for i, token in enumerate(SPECIAL + VISION)
    }
    write_json(
        folder / "tokenizer_config.json",
        {
            "added_tokens_decoder": added,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "padding_side": "left",
            "tokenizer_class": "Qwen2Tokenizer",
        },
    )
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_mean": CLIP_MEAN,
            "image_std": CLIP_STD,
            "image_processor_type": "Qwen2VLImageProcessor",
            "max_pixels": 12845056,
            "merge_size": 2,
            "min_pixels": 3136,
            "patch_size": 14,
            "temporal_patch_size": 2,
        },
    )
    return folder


def gme_config() -> dict[str, Any]:
    """Sizes of a tiny network whose special tokens are those of :func:`save_gme`."""
    return {
        "vocab_size": 264,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "tie_word_embeddings": True,
        "rope_theta": 1000000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        "vision_start_token_id": 259,
        "vision_end_token_id": 260,
        "image_token_id": 262,
        "video_token_id": 263,
        "vision_config": {"depth": 1, "embed_dim": 16, "hidden_size": 32, "num_heads": 2}
        | {"mlp_ratio": 2, "in_chans": 3, "patch_size": 14, "spatial_merge_size": 2}
        | {"temporal_patch_size": 2},
    }


def tiny_gme(folder: Path, seed: int = 0) -> Path:
    """:func:`save_gme` with random weights under the published keys ``visual.*`` and ``model.*``."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    torch.manual_seed(seed)
    network = Qwen2VLForConditionalGeneration(Qwen2VLConfig(**gme_config()))
    weights = {
        key.replace("model.visual.", "visual.").replace("model.language_model.", "model."): value
        for key, value in network.state_dict().items()
        if key != "lm_head.weight"
    }
    return save_gme(
        folder, gme_config(), {k: v.clone().contiguous() * 5 for k, v in weights.items()}
    )


def tiny_clip(folder: Path, seed: int = 0) -> Path:
    """A folder like ``openai/clip-vit-base-patch16``: its preprocessing, its tokenizer with single bytes, a tiny network."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(seed)
    letters = byte_letters()
    vocabulary = [*letters, *(letter + "</w>" for letter in letters)]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2} | {
        "num_attention_heads": 2
    }
    ends = {"bos_token_id": 0, "eos_token_id": 2, "vocab_size": 514}  # wrong ids, as published
    config = CLIPConfig(
        text_config={**sizes, **ends, "max_position_embeddings": 77},
        vision_config={**sizes, "image_size": 224, "patch_size": 16},
        projection_dim=8,
    )
    folder.mkdir(parents=True, exist_ok=True)
    CLIPModel(config).save_pretrained(folder)
    write_json(folder / "vocab.json", {token: i for i, token in enumerate(vocabulary)})
    (folder / "merges.txt").write_text("#version: 0.2\n")
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True}
        | {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}
        | {"unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
    )
    write_json(
        folder / "preprocessor_config.json",
        {
            "crop_size": 224,
            "do_center_crop": True,
            "do_normalize": True,
            "do_resize": True,
            "feature_extractor_type": "CLIPFeatureExtractor",
            "image_mean": CLIP_MEAN,
            "image_std": CLIP_STD,
            "resample": 3,
            "size": 224,
        },
    )
    return folder
