"""What makes a forward faster or smaller: the kernel of attention, and linear layers in 8 bits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch

from tpige_kedro.networks.fp8 import Fp8Linear, computes_in_fp8, quantise, quantise_layer
from tpige_kedro.video_generators.attention import chosen_attention, set_attention
from tpige_kedro.video_generators.loras.merging import lora_changes, merge_into
from tpige_kedro.video_generators.wan_options import WanOptions

logger = logging.getLogger(__name__)


def while_loading(
    options: WanOptions, device: torch.device
) -> Callable[[Any], Callable[[str], None]]:
    """What is done to each tensor of a transformer as it is loaded: ``options.loras`` are added to it, then it is put into 8 bits.

    So at no time more than one layer of those that ``options.quantisation`` shrinks is there in 16 bits. ``device`` quantises.

    Raises:
        ModelError: a LoRA is not there, damaged, or does not fit.
    """

    def begin(transformer: Any) -> Callable[[str], None]:
        changes = lora_changes(transformer, options.loras)

        def placed(name: str) -> None:
            merge_into(transformer, name, changes)
            layer, _, part = name.rpartition(".")
            if options.quantisation == "fp8" and part == "weight":
                quantise_layer(transformer, layer, computes_in_fp8(device), device)

        return placed

    return begin


def accelerate(
    transformer: Any, options: WanOptions, device: torch.device, dtype: torch.dtype
) -> dict[str, str]:
    """Bring ``transformer`` to what ``options.attention`` and ``options.quantisation`` say; call it before it is placed.

    Layers that were put into 8 bits while loading stay as they are.

    Returns:
        What the record keeps: the kernel that attention runs on, and what the linear layers compute in.

    Raises:
        ModelError: this machine cannot run the kernel that was asked for.
    """
    split = options.parallel.context > 1  # diffusers splits tokens for PyTorch's kernels only
    asked = "native" if split and options.attention == "auto" else options.attention
    kernel = chosen_attention(asked, device, dtype, transformer.config.attention_head_dim)
    set_attention(transformer, kernel)
    if options.quantisation == "none":
        return {"attention": kernel, "linear_layers": str(dtype).removeprefix("torch.")}
    home = torch.device("cpu") if options.offload == "model" else device
    quantise(transformer, home, computes_in_fp8(device))
    layers = [module for module in transformer.modules() if isinstance(module, Fp8Linear)]
    multiplied = all(layer.computes for layer in layers)
    logger.info("fp8: %d linear layers, attention by %s", len(layers), kernel)
    return {
        "attention": kernel,
        "linear_layers": "fp8" if multiplied else "fp8 weights",
    }
