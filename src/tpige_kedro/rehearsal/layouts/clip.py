"""CLIP in its published layouts: ViT-B/16 as a scorer, and the text part of ViT-L/14 inside FLUX."""

from __future__ import annotations

from typing import Any

import torch

from tpige_kedro.rehearsal.files import File, json_file, network_files
from tpige_kedro.rehearsal.layouts.qwen import MEAN, STD
from tpige_kedro.rehearsal.layouts.tokenizers import byte_letters, clip_files
from tpige_kedro.rehearsal.shapes import meta, tensors_of

WORDS = 49408


def words(tiny: bool) -> int:
    """The size of the vocabulary."""
    return 2 * len(byte_letters()) + 2 if tiny else WORDS


def clip(tiny: bool) -> list[File]:
    """A folder like ``openai/clip-vit-base-patch16``."""
    from transformers import CLIPConfig, CLIPModel

    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}  # fmt: skip
    text: dict[str, Any] = {
        "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8,
        "max_position_embeddings": 77, "bos_token_id": 0, "eos_token_id": 2,  # wrong ids, as published
    }  # fmt: skip
    vision: dict[str, Any] = {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "image_size": 224, "patch_size": 16,
    }  # fmt: skip
    text |= {"vocab_size": words(tiny), **(small if tiny else {})}
    vision |= small if tiny else {}
    config = {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": 8 if tiny else 512,
        "logit_scale_init_value": 2.6592,
        "text_config": text,
        "vision_config": vision,
    }
    network = meta(
        lambda: CLIPModel(
            CLIPConfig(
                text_config=text, vision_config=vision, projection_dim=config["projection_dim"]
            )
        )
    )
    return [
        json_file("config.json", config),
        *network_files("", "model", tensors_of(network, torch.float32)),
        *clip_files(),
        json_file("preprocessor_config.json", PICTURES),
    ]


PICTURES = {
    "crop_size": 224,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": MEAN,
    "image_std": STD,
    "resample": 3,
    "size": 224,
}


def text_part(folder: str, tiny: bool) -> list[File]:
    """The text encoder of ViT-L/14 in a subfolder of a pipeline."""
    from transformers import CLIPTextConfig, CLIPTextModel

    sizes = {
        "hidden_size": 16 if tiny else 768, "intermediate_size": 16 if tiny else 3072, "projection_dim": 16 if tiny else 768,
        "num_hidden_layers": 1 if tiny else 12, "num_attention_heads": 2 if tiny else 12,
        "max_position_embeddings": 77, "vocab_size": words(tiny), "bos_token_id": 0, "eos_token_id": 2,
    }  # fmt: skip
    network = meta(lambda: CLIPTextModel(CLIPTextConfig(**sizes)))
    tensors = tensors_of(network, torch.bfloat16, _with_prefix)
    published = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model"}
    return [
        json_file(f"{folder}/config.json", {**published, **sizes, "torch_dtype": "bfloat16"}),
        *network_files(folder, "model", tensors),
    ]


def _with_prefix(name: str) -> str:
    return name if name.startswith("text_model.") else f"text_model.{name}"
