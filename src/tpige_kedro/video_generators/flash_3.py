"""FlashAttention 3 in diffusers' dispatch, exact in bfloat16 or with query, key and value in 8 bits."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

FP8 = torch.float8_e4m3fn
LARGEST = torch.finfo(FP8).max
SMALLEST = 1e-12  # of a scale


@cache
def flash_3_backend(fp8: bool) -> Any:
    """The name under which the dispatch of diffusers finds the kernel of the package ``fa3-fwd``; adds it there.

    Names are members of an enum, which takes no further ones; a member made by hand is found all the same.
    """
    from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry

    value = "tpige_flash_3_fp8" if fp8 else "tpige_flash_3"
    name = str.__new__(AttentionBackendName, value)
    name._name_ = name._value_ = value
    _AttentionBackendRegistry.register(name)(_kernel(fp8))
    return name


def _kernel(fp8: bool) -> Any:
    """Attention (B, L, H, D) of query, key and value of that shape; nothing is masked."""
    from fa3_fwd_interface import _flash_attn_forward

    def exact(query: Tensor, key: Tensor, value: Tensor, scale: float | None = None) -> Tensor:
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        attended: Tensor = _flash_attn_forward(query, key, value, softmax_scale=scale)[0]
        return attended

    def in_fp8(query: Tensor, key: Tensor, value: Tensor, scale: float | None = None) -> Tensor:
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        (q, of_q), (k, of_k), (v, of_v) = map(per_head, (query, key, value))
        attended: Tensor = _flash_attn_forward(
            q, k, v, q_descale=of_q, k_descale=of_k, v_descale=of_v, softmax_scale=scale
        )[0]
        return attended.to(query.dtype)

    return in_fp8 if fp8 else exact


def per_head(heads: Tensor) -> tuple[Tensor, Tensor]:
    """Heads (B, L, H, D) as e4m3 and their scales (B, H), float32: heads = values * scale.

    >>> values, scale = per_head(torch.ones(1, 4, 2, 8) * torch.tensor([1.0, 3.0]).view(1, 1, 2, 1))
    >>> (values[0, 0, :, 0].float() * scale[0]).tolist()
    [1.0, 3.0]
    """
    scale = heads.abs().amax(dim=(1, 3)).float().clamp(min=SMALLEST) / LARGEST
    values = (heads.float() / scale[:, None, :, None]).clamp(-LARGEST, LARGEST)
    return values.to(FP8), scale
