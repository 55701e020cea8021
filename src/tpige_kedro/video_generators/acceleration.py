"""What makes a forward faster or smaller: the kernel of attention, and linear layers in 8 bits."""

from __future__ import annotations

import logging
from typing import Any

import torch

from tpige_kedro.video_generators.attention import chosen_attention, set_attention
from tpige_kedro.video_generators.fp8 import computes_in_fp8, quantise
from tpige_kedro.video_generators.wan_options import WanOptions

logger = logging.getLogger(__name__)


def accelerate(
    transformer: Any, options: WanOptions, device: torch.device, dtype: torch.dtype
) -> dict[str, str]:
    """Bring ``transformer`` to what ``options.attention`` and ``options.quantisation`` say; call it before it is placed.

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
    count = quantise(transformer, home, computes_in_fp8(device))
    logger.info("fp8: %d linear layers, attention by %s", count, kernel)
    return {
        "attention": kernel,
        "linear_layers": "fp8" if computes_in_fp8(device) else "fp8 weights",
    }
