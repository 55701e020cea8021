"""Adds LoRA weights to a FLUX transformer for good: W + alpha / rank * up @ down.

Read here and not by diffusers' loader, which needs a further library (peft), keeps the matrices apart, and fixes the width of
FLUX in its conversion of these names. The layout is that of ``ali-vilab/ACE_Plus``: ``lora_unet_<module>.lora_down.weight``,
``.lora_up.weight`` and ``.alpha``, where ``<module>`` is FLUX's own name with underscores for dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpige_kedro.errors import ModelError
from tpige_kedro.weights.checkpoints import read_checkpoint
from tpige_kedro.weights.lora import add_change, low_rank_change
from tpige_kedro.weights.whole import some

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

KEY = re.compile(r"lora_unet_(?P<module>\w+)\.(?P<part>lora_down\.weight|lora_up\.weight|alpha)")
BLOCK = re.compile(r"(?P<kind>double|single)_blocks_(?P<index>\d+)_(?P<rest>\w+)")

# FLUX has query, key, value (and the input of the MLP) in one matrix where diffusers has several, in this order
DOUBLE = {
    "img_attn_qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "img_attn_proj": ("attn.to_out.0",),
    "img_mlp_0": ("ff.net.0.proj",),
    "img_mlp_2": ("ff.net.2",),
    "img_mod_lin": ("norm1.linear",),
    "txt_attn_qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "txt_attn_proj": ("attn.to_add_out",),
    "txt_mlp_0": ("ff_context.net.0.proj",),
    "txt_mlp_2": ("ff_context.net.2",),
    "txt_mod_lin": ("norm1_context.linear",),
}
SINGLE = {
    "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
    "linear2": ("proj_out",),
    "modulation_lin": ("norm.linear",),
}
OUTSIDE = {
    "img_in": ("x_embedder",),
    "txt_in": ("context_embedder",),
    "final_layer_linear": ("proj_out",),
}


def merge_lora_file(transformer: Any, file: Path) -> int:
    """Merge a safetensors file into ``transformer``; returns how many matrices of FLUX it changed.

    Raises:
        ModelError: not such a file, not whole, or made for a transformer of other modules or sizes; names the file and the key.
    """
    weights = read_checkpoint(file).tensors
    try:
        return merge_lora(transformer, weights)
    except (KeyError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(
            f"LoRA {file} cannot be merged ({error}); set options.lora and options.lora_weights to ACE++'s portrait LoRA"
        ) from error


def merge_lora(transformer: Any, weights: Mapping[str, torch.Tensor]) -> int:
    """Add the products of ``weights`` to the modules of ``transformer``, computed in float32.

    Raises:
        KeyError, ValueError: a matrix lacks its other half, or a block what the other blocks have; nothing is changed then.
    """
    modules = _by_module(weights)
    _check_halves(modules)
    _check_blocks(transformer, modules)
    for name, parts in modules.items():
        alpha = float(parts["alpha"]) if "alpha" in parts else None
        change = low_rank_change(parts["lora_down.weight"], parts["lora_up.weight"], alpha)
        targets = [transformer.get_submodule(path).weight for path in diffusers_names(name)]
        _add(name, targets, change)
    return len(modules)


def diffusers_names(module: str) -> tuple[str, ...]:
    """Where diffusers keeps a matrix of FLUX, e.g. ``double_blocks_0_img_attn_proj``. Raises ``KeyError`` naming it."""
    found = BLOCK.fullmatch(module)
    if found is None:
        return OUTSIDE[module]
    table, blocks = (
        (DOUBLE, "transformer_blocks")
        if found["kind"] == "double"
        else (SINGLE, "single_transformer_blocks")
    )
    return tuple(f"{blocks}.{found['index']}.{path}" for path in table[found["rest"]])


def _by_module(weights: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    modules: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in weights.items():
        found = KEY.fullmatch(key)
        if found is None:
            raise KeyError(f"{key}: not a key of ACE++'s layout")
        modules.setdefault(found["module"], {})[found["part"]] = value
    if not modules:
        raise ValueError("the file holds no weights")
    return modules


def _check_halves(modules: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
    """Every product needs both matrices, of one rank; its alpha is given for all or for none."""
    scaled = any("alpha" in parts for parts in modules.values())
    for name, parts in modules.items():
        wanted = ["lora_down.weight", "lora_up.weight", *(["alpha"] if scaled else [])]
        if lacking := [part for part in wanted if part not in parts]:
            raise ValueError(f"{name} has no {' and no '.join(lacking)}: the file is incomplete")
        ranks = parts["lora_down.weight"].shape[0], parts["lora_up.weight"].shape[1]
        if ranks[0] != ranks[1]:
            raise ValueError(f"{name}: its halves have ranks {ranks[0]} and {ranks[1]}")


def _check_blocks(transformer: Any, modules: Iterable[str]) -> None:
    """What one block has, all blocks of its kind have: a LoRA is trained on a kind of layer, so a gap is a part that got lost."""
    blocks = [found for found in map(BLOCK.fullmatch, modules) if found]
    for kind, path in (("double", "transformer_blocks"), ("single", "single_transformer_blocks")):
        count = len(transformer.get_submodule(path))
        layers = {found["rest"] for found in blocks if found["kind"] == kind}
        wanted = [f"{kind}_blocks_{i}_{rest}" for rest in sorted(layers) for i in range(count)]
        if lacking := sorted(set(wanted) - {found.string for found in blocks}):
            raise ValueError(
                f"it lacks {len(lacking)} of its matrices ({some(lacking)}): the file is incomplete"
            )


def _add(name: str, targets: Iterable[torch.Tensor], change: torch.Tensor) -> None:
    targets = list(targets)
    rows = [target.shape[0] for target in targets]
    if sum(rows) != change.shape[0] or any(t.shape[1] != change.shape[1] for t in targets):
        wanted = (sum(rows), targets[0].shape[1])
        raise ValueError(f"{name}: {tuple(change.shape)} does not fit {wanted}")
    for target, part in zip(targets, change.split(rows), strict=True):
        add_change(target, part)
