"""Wan2.1 in its published layouts: VACE and T2V as diffusers' pipeline folders, Phantom in the authors' own names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from tpige_kedro.rehearsal.files import (
    File,
    json_file,
    network_files,
    safetensors_file,
    text_file,
    torch_file,
)
from tpige_kedro.rehearsal.layouts.tokenizers import t5_files
from tpige_kedro.rehearsal.shapes import meta, tensors_of
from tpige_kedro.rehearsal.values import TensorSpec

DIFFUSION = "diffusion_pytorch_model"
NATIVE_NAMES = {  # diffusers' names -> those of the Wan authors
    "condition_embedder.time_embedder.linear_1": "time_embedding.0",
    "condition_embedder.time_embedder.linear_2": "time_embedding.2",
    "condition_embedder.text_embedder.linear_1": "text_embedding.0",
    "condition_embedder.text_embedder.linear_2": "text_embedding.2",
    "condition_embedder.time_proj": "time_projection.1",
    ".to_out.0.": ".o.",
    ".to_q.": ".q.",
    ".to_k.": ".k.",
    ".to_v.": ".v.",
    "attn1": "self_attn",
    "attn2": "cross_attn",
    "ffn.net.0.proj": "ffn.0",
    "ffn.net.2": "ffn.2",
    "norm2": "norm3",
    ".proj_in.": ".before_proj.",
    ".proj_out.": ".after_proj.",
}


@dataclass(frozen=True)
class WanSize:
    """What the published sizes differ in, and in how many shards they lie."""

    heads: int
    layers: int
    ffn: int
    hint_every: int  # n-th layer takes a hint of VACE
    shards: int
    head_dim: int = 128
    text_dim: int = 4096
    freq_dim: int = 256
    encoder: tuple[tuple[str, int], ...] = ()  # what differs in the text encoder
    vae: tuple[tuple[str, Any], ...] = ()  # and in the VAE
    text_shards: int = 5


SMALL_TEXT = (("d_model", 16), ("d_ff", 24), ("d_kv", 8), ("num_heads", 2), ("num_layers", 1))
SMALL_VAE = (("base_dim", 3), ("dim_mult", [1, 1, 1, 1]), ("num_res_blocks", 1))
SIZES = {
    "1.3b": WanSize(heads=12, layers=30, ffn=8960, hint_every=2, shards=2),
    "14b": WanSize(heads=40, layers=40, ffn=13824, hint_every=5, shards=7),
}
TINY = {
    name: WanSize(
        heads=2, layers=4, ffn=48, hint_every=2, shards=size.shards, head_dim=12, text_dim=16,
        freq_dim=32, encoder=SMALL_TEXT, vae=SMALL_VAE, text_shards=size.text_shards,
    )
    for name, size in SIZES.items()
}  # fmt: skip


def native_name(name: str) -> str:
    """A name of diffusers' transformer as the Wan authors have it.

    >>> native_name("blocks.0.attn1.to_q.weight")
    'blocks.0.self_attn.q.weight'
    """
    if name.startswith("proj_out"):
        return name.replace("proj_out", "head.head")
    if name == "scale_shift_table":
        return "head.modulation"
    for ours, theirs in NATIVE_NAMES.items():
        name = name.replace(ours, theirs)
    return name.replace("scale_shift_table", "modulation")


def transformer(size: WanSize, vace: bool) -> Any:
    """The transformer without numbers."""
    from diffusers import WanTransformer3DModel, WanVACETransformer3DModel

    sizes = {
        "num_attention_heads": size.heads,
        "attention_head_dim": size.head_dim,
        "num_layers": size.layers,
        "ffn_dim": size.ffn,
        "text_dim": size.text_dim,
        "freq_dim": size.freq_dim,
    }
    hints = {"vace_layers": [*range(0, size.layers, size.hint_every)], "vace_in_channels": 96}
    build: Callable[[], Any] = (
        (lambda: WanVACETransformer3DModel(**sizes, **hints))
        if vace
        else (lambda: WanTransformer3DModel(**sizes))
    )
    return meta(build)


def pipeline_folder(size: WanSize, vace: bool) -> list[File]:
    """A folder like ``Wan-AI/Wan2.1-VACE-1.3B-diffusers`` or ``Wan-AI/Wan2.1-T2V-1.3B-Diffusers``."""
    network = transformer(size, vace)
    return [
        json_file("model_index.json", index_of(type(network).__name__, vace)),
        text_file("transformer/config.json", network.to_json_string()),
        *network_files("transformer", DIFFUSION, tensors_of(network, torch.bfloat16), size.shards),
        *vae_files(size),
        *text_files(size),
        *t5_files("tokenizer"),
        json_file("scheduler/scheduler_config.json", SCHEDULER),
    ]


def index_of(transformer_class: str, vace: bool) -> dict[str, Any]:
    """What ``model_index.json`` says."""
    return {
        "_class_name": "WanVACEPipeline" if vace else "WanPipeline",
        "_diffusers_version": "0.34.0",
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "transformer": ["diffusers", transformer_class],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }


SCHEDULER = {
    "_class_name": "UniPCMultistepScheduler",
    "_diffusers_version": "0.34.0",
    "flow_shift": 3.0,
    "num_train_timesteps": 1000,
    "prediction_type": "flow_prediction",
    "predict_x0": True,
    "solver_order": 2,
    "solver_type": "bh2",
    "use_flow_sigmas": True,
}


def vae_files(size: WanSize) -> list[File]:
    """The VAE in float32, as published."""
    from diffusers import AutoencoderKLWan

    vae = meta(lambda: AutoencoderKLWan(**dict(size.vae)))
    return [
        text_file("vae/config.json", vae.to_json_string()),
        *network_files("vae", DIFFUSION, tensors_of(vae, torch.float32)),
    ]


def text_files(size: WanSize) -> list[File]:
    """UMT5-XXL's encoder."""
    from transformers import UMT5Config, UMT5EncoderModel

    sizes = {
        "d_model": 4096,
        "d_ff": 10240,
        "d_kv": 64,
        "num_heads": 64,
        "num_layers": 24,
        "vocab_size": 256384,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
    } | dict(size.encoder)
    network = meta(lambda: UMT5EncoderModel(UMT5Config(**sizes)))
    tensors = tensors_of(network, torch.bfloat16, without={"encoder.embed_tokens.weight"})
    published = {"architectures": ["UMT5EncoderModel"], "model_type": "umt5"}
    return [
        json_file("text_encoder/config.json", {**published, **sizes, "torch_dtype": "bfloat16"}),
        *network_files("text_encoder", "model", tensors, size.text_shards),
    ]


def phantom_tensors(size: WanSize) -> dict[str, TensorSpec]:
    """A plain Wan transformer under the authors' names."""
    return tensors_of(transformer(size, vace=False), torch.bfloat16, native_name)


def phantom_small(size: WanSize, name: str = "Phantom-Wan-1.3B.pth") -> list[File]:
    """Phantom-1.3B: one torch file in ``bytedance-research/Phantom``."""
    return [torch_file(name, phantom_tensors(size))]


def phantom_large(size: WanSize, shards: int = 6) -> list[File]:
    """Phantom-14B: native shards with an index, in the same repository."""
    return network_files("", "Phantom_Wan_14B", phantom_tensors(size), shards)


def lora(size: WanSize, name: str, rank: int) -> list[File]:
    """A LoRA of all matrices of the blocks, in the layout of LightX2V: down, up and alpha under the authors' names."""
    network = transformer(size, vace=False)
    tensors = {}
    for key, spec in tensors_of(network, torch.bfloat16, native_name).items():
        if key.startswith("blocks.") and len(spec.shape) == 2:
            stem = f"diffusion_model.{key.removesuffix('.weight')}"
            rows, columns = spec.shape
            tensors[f"{stem}.lora_down.weight"] = TensorSpec((rank, columns), torch.bfloat16)
            tensors[f"{stem}.lora_up.weight"] = TensorSpec((rows, rank), torch.bfloat16)
            tensors[f"{stem}.alpha"] = TensorSpec((), torch.float32)
    return [safetensors_file(name, tensors)]
