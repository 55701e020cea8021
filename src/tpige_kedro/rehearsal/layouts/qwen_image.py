"""Qwen-Image-Edit-2509 in its published layout: its text encoder is Qwen2.5-VL-7B."""

from __future__ import annotations

from typing import Any

import torch

from tpige_kedro.rehearsal.files import File, json_file, network_files, text_file
from tpige_kedro.rehearsal.layouts.flux import DIFFUSION, SCHEDULER
from tpige_kedro.rehearsal.layouts.qwen import (
    CHAT,
    TINY_WORDS,
    picture_settings,
    reader_config,
    reader_network,
)
from tpige_kedro.rehearsal.layouts.tokenizers import QWEN_WORDS, qwen_files
from tpige_kedro.rehearsal.shapes import meta, tensors_of

FULL: dict[str, Any] = {
    "patch_size": 2, "in_channels": 64, "out_channels": 16, "num_layers": 60, "attention_head_dim": 128,
    "num_attention_heads": 24, "joint_attention_dim": 3584, "guidance_embeds": False, "axes_dims_rope": (16, 56, 56),
}  # fmt: skip
TINY = FULL | {
    "in_channels": 64, "out_channels": 16, "num_layers": 1, "attention_head_dim": 12, "num_attention_heads": 2,
    "joint_attention_dim": reader_config(tiny=True)["hidden_size"], "axes_dims_rope": (4, 4, 4),
}  # fmt: skip
TINY_VAE: dict[str, Any] = {"base_dim": 3, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1}
INDEX = {
    "_class_name": "QwenImageEditPlusPipeline",
    "_diffusers_version": "0.36.0.dev0",
    "processor": ["transformers", "Qwen2VLProcessor"],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
    "tokenizer": ["transformers", "Qwen2Tokenizer"],
    "transformer": ["diffusers", "QwenImageTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKLQwenImage"],
}


def edit(tiny: bool) -> list[File]:
    """A folder like ``Qwen/Qwen-Image-Edit-2509``."""
    from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel

    network = meta(lambda: QwenImageTransformer2DModel(**(TINY if tiny else FULL)))
    vae = meta(lambda: AutoencoderKLQwenImage(**(TINY_VAE if tiny else {})))
    words = TINY_WORDS if tiny else QWEN_WORDS
    pictures = picture_settings(56 * 56 if tiny else 12845056)
    return [
        json_file("model_index.json", INDEX),
        text_file("transformer/config.json", network.to_json_string()),
        *network_files("transformer", DIFFUSION, tensors_of(network, torch.bfloat16), 5),
        text_file("vae/config.json", vae.to_json_string()),
        *network_files("vae", DIFFUSION, tensors_of(vae, torch.bfloat16)),
        *reader_network("text_encoder/", tiny, shards=4),
        *qwen_files("tokenizer", words),
        *qwen_files("processor", words),
        json_file("processor/preprocessor_config.json", pictures),
        text_file("processor/chat_template.jinja", CHAT),
        json_file("scheduler/scheduler_config.json", SCHEDULER),
    ]
