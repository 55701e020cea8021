"""LoRA files of tiny Wan models in the published layouts, and the same change added by hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from video_generators.tiny_wan import native_weights

RANK, ALPHA = 2, 3.0
LAYOUTS = ("diffusers", "peft", "native", "diffsynth", "lightx2v", "kohya")


def low_rank_targets(transformer: torch.nn.Module) -> list[str]:
    """Modules of every kind that published LoRAs change, by diffusers' name."""
    kinds = ["attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "ffn.net.0.proj"]
    kinds += [k.replace("attn1", "attn2") for k in kinds if "attn1" in k] + ["ffn.net.2"]
    targets = [f"blocks.{i}.{kind}" for i in (0, 3) for kind in kinds]
    embedder = "condition_embedder"
    targets += [f"{embedder}.time_proj", f"{embedder}.text_embedder.linear_1", "proj_out"]
    targets += [f"{embedder}.time_embedder.linear_2", "patch_embedding"]
    if hasattr(transformer, "vace_blocks"):
        targets += [f"vace_blocks.1.{kind}" for kind in (*kinds, "proj_out")]
        targets += ["vace_blocks.0.proj_in", "vace_patch_embedding"]
    return targets


def matrices(
    transformer: torch.nn.Module, targets: list[str], seed: int = 0
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Random down (rank, in, …) and up (out, rank, 1 …) of each target."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for path in targets:
        weight = transformer.get_submodule(path).weight
        down = torch.randn(RANK, *weight.shape[1:], generator=generator) * 0.2
        up = torch.randn(weight.shape[0], RANK, *[1] * (weight.ndim - 2), generator=generator) * 0.2
        made[path] = (down, up)
    return made


def native_names(transformer: torch.nn.Module) -> dict[str, str]:
    """The authors' name of every parameter."""
    return dict(zip(transformer.state_dict(), native_weights(transformer), strict=True))


def keys(transformer: torch.nn.Module, path: str, layout: str) -> tuple[str, str, str]:
    """The keys of down, up and alpha of the module ``path``."""
    native = native_names(transformer)[f"{path}.weight"].removesuffix(".weight")
    stem = {
        "diffusers": f"transformer.{path}",
        "peft": path,
        "native": f"diffusion_model.{native}",
        "diffsynth": native,
        "lightx2v": f"diffusion_model.{native}",
        "kohya": f"lora_unet_{native.replace('.', '_')}",
    }[layout]
    pair = ("lora_A", "lora_B") if layout in LAYOUTS[:4] else ("lora_down", "lora_up")
    adapter = ".default" if layout == "diffsynth" else ""
    return f"{stem}.{pair[0]}{adapter}.weight", f"{stem}.{pair[1]}{adapter}.weight", f"{stem}.alpha"


def save_lora(
    file: Path,
    transformer: torch.nn.Module,
    layout: str,
    pairs: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    differences: Mapping[str, torch.Tensor] | None = None,
    alpha: float | None = ALPHA,
) -> Path:
    """Write ``pairs`` by module and whole ``differences`` by parameter, all by diffusers' names, in ``layout``."""
    weights: dict[str, torch.Tensor] = {}
    metadata: dict[str, str] = {}
    for path, (down, up) in pairs.items():
        down_key, up_key, alpha_key = keys(transformer, path, layout)
        weights |= {down_key: down, up_key: up}
        if alpha is not None and layout not in {"diffusers", "peft"}:
            weights[alpha_key] = torch.tensor(alpha)
    if alpha is not None and layout in {"diffusers", "peft"}:
        prefix = "transformer." if layout == "diffusers" else ""
        settings: dict[str, Any] = {f"{prefix}r": RANK, f"{prefix}lora_alpha": alpha}
        metadata["lora_adapter_metadata"] = json.dumps(settings)
    endings = {"weight": "diff", "bias": "diff_b", "modulation": "diff_m"}
    for name, value in (differences or {}).items():
        module, _, leaf = native_names(transformer)[name].rpartition(".")
        weights[f"diffusion_model.{module}.{endings[leaf]}"] = value
    save_file(weights, str(file), metadata)
    return file


def by_hand(
    transformer: torch.nn.Module,
    pairs: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    factor: float,
    differences: Mapping[str, torch.Tensor] | None = None,
    scale: float = 1.0,
) -> torch.nn.Module:
    """A copy with factor * up @ down in double precision added, and scale times the differences."""
    changed = copy.deepcopy(transformer)
    with torch.no_grad():
        for path, (down, up) in pairs.items():
            weight = changed.get_submodule(path).weight
            product = torch.einsum("or,ri->oi", up.double().flatten(1), down.double().flatten(1))
            weight += (factor * product).view_as(weight).to(weight.dtype)
        for name, value in (differences or {}).items():
            parameter = changed.get_parameter(name)
            parameter += (scale * value).to(parameter.dtype)
    return changed
