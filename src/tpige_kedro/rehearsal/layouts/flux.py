"""FLUX.1-Fill-dev and the LoRA of ACE++ in their published layouts."""

from __future__ import annotations

from typing import Any

import torch

from tpige_kedro.rehearsal.files import File, json_file, network_files, safetensors_file, text_file
from tpige_kedro.rehearsal.layouts import clip
from tpige_kedro.rehearsal.layouts.tokenizers import clip_files, t5_files
from tpige_kedro.rehearsal.shapes import meta, tensors_of
from tpige_kedro.rehearsal.values import TensorSpec

DIFFUSION = "diffusion_pytorch_model"
FULL: dict[str, Any] = {
    "patch_size": 1, "in_channels": 384, "out_channels": 64, "num_layers": 19, "num_single_layers": 38,
    "attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 4096, "pooled_projection_dim": 768,
    "guidance_embeds": True, "axes_dims_rope": (16, 56, 56),
}  # fmt: skip
TINY = FULL | {
    "in_channels": 16 + 16 + 256, "out_channels": 16, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 12,
    "num_attention_heads": 2, "joint_attention_dim": 16, "pooled_projection_dim": 16, "axes_dims_rope": (4, 4, 4),
}  # fmt: skip
INDEX = {
    "_class_name": "FluxFillPipeline",
    "_diffusers_version": "0.32.0",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "T5EncoderModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "FluxTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
SCHEDULER = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "_diffusers_version": "0.32.0",
    "base_image_seq_len": 256,
    "base_shift": 0.5,
    "max_image_seq_len": 4096,
    "max_shift": 1.15,
    "num_train_timesteps": 1000,
    "shift": 3.0,
    "use_dynamic_shifting": True,
}


def fill(tiny: bool) -> list[File]:
    """A folder like ``black-forest-labs/FLUX.1-Fill-dev``."""
    from diffusers import FluxTransformer2DModel

    network = meta(lambda: FluxTransformer2DModel(**(TINY if tiny else FULL)))
    return [
        json_file("model_index.json", INDEX),
        text_file("transformer/config.json", network.to_json_string()),
        *network_files("transformer", DIFFUSION, tensors_of(network, torch.bfloat16), 3),
        *vae_files(tiny),
        *clip.text_part("text_encoder", tiny),
        *t5_encoder(tiny),
        *clip_files("tokenizer"),
        *t5_files("tokenizer_2"),
        json_file("scheduler/scheduler_config.json", SCHEDULER),
    ]


def vae_files(tiny: bool) -> list[File]:
    """FLUX's VAE."""
    from diffusers import AutoencoderKL

    vae = meta(
        lambda: AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 4, 4, 4) if tiny else (128, 256, 512, 512),
            layers_per_block=1 if tiny else 2,
            latent_channels=4 if tiny else 16,
            norm_num_groups=2 if tiny else 32,
            sample_size=1024,
            scaling_factor=0.3611,
            shift_factor=0.1159,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    )
    return [
        text_file("vae/config.json", vae.to_json_string()),
        *network_files("vae", DIFFUSION, tensors_of(vae, torch.bfloat16)),
    ]


def t5_encoder(tiny: bool) -> list[File]:
    """T5-XXL v1.1's encoder."""
    from transformers import T5Config, T5EncoderModel

    sizes: dict[str, Any] = {
        "d_model": 4096, "d_ff": 10240, "d_kv": 64, "num_heads": 64, "num_layers": 24, "vocab_size": 32128,
        "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
    }  # fmt: skip
    if tiny:
        sizes |= {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_heads": 2, "num_layers": 1}
    network = meta(lambda: T5EncoderModel(T5Config(**sizes)))
    tensors = tensors_of(network, torch.bfloat16, without={"encoder.embed_tokens.weight"})
    published = {"architectures": ["T5EncoderModel"], "model_type": "t5"}
    return [
        json_file("text_encoder_2/config.json", {**published, **sizes, "torch_dtype": "bfloat16"}),
        *network_files("text_encoder_2", "model", tensors, 2),
    ]


def lora(tiny: bool, rank: int = 64) -> list[File]:
    """``portrait/comfyui_portrait_lora64.safetensors`` of ``ali-vilab/ACE_Plus``: down, up and alpha of 304 matrices."""
    sizes = TINY if tiny else FULL
    tensors = {}
    for name, (rows, columns) in lora_matrices(sizes).items():
        rank_here = 2 if tiny else rank
        tensors[f"lora_unet_{name}.lora_down.weight"] = TensorSpec(
            (rank_here, columns), torch.bfloat16
        )
        tensors[f"lora_unet_{name}.lora_up.weight"] = TensorSpec((rows, rank_here), torch.bfloat16)
        tensors[f"lora_unet_{name}.alpha"] = TensorSpec((), torch.bfloat16)
    return [safetensors_file("portrait/comfyui_portrait_lora64.safetensors", tensors)]


def lora_matrices(sizes: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """The matrices of FLUX that the LoRA changes, under FLUX's own names: (rows, columns)."""
    w = sizes["attention_head_dim"] * sizes["num_attention_heads"]
    double = {
        "attn_qkv": (3 * w, w),
        "attn_proj": (w, w),
        "mlp_0": (4 * w, w),
        "mlp_2": (w, 4 * w),
        "mod_lin": (6 * w, w),
    }
    single = {"linear1": (7 * w, w), "linear2": (w, 5 * w), "modulation_lin": (3 * w, w)}
    return {
        f"double_blocks_{i}_{stream}_{name}": shape
        for i in range(sizes["num_layers"])
        for stream in ("img", "txt")
        for name, shape in double.items()
    } | {
        f"single_blocks_{i}_{name}": shape
        for i in range(sizes["num_single_layers"])
        for name, shape in single.items()
    }
