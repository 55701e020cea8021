"""A stand-in for the package ``fa3-fwd``: the same custom operator, computed by PyTorch in float32 on any device.

Signature, what it returns and what it demands are those of the wheel 0.0.3: (B, L, H, D) with the last dimension dense, scales of fp8 values
(B, heads of the key) in float32, bfloat16 out of fp8; four tensors come back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, library

from tpige_kedro.video_generators import flash_3

NAME = "fa3_fwd_interface"
FP8 = torch.float8_e4m3fn
CALLS: list[dict[str, Any]] = []
Four = tuple[Tensor, Tensor, Tensor, Tensor]


def _check(q: Tensor, k: Tensor, v: Tensor, scales: list[Tensor | None], scale: float) -> None:
    assert q.ndim == 4 and k.shape == v.shape and q.shape[2:] == k.shape[2:]
    assert q.dtype == k.dtype == v.dtype
    assert all(t.stride(-1) == 1 for t in (q, k, v)), "the last dimension must be dense"
    assert abs(scale - q.shape[-1] ** -0.5) < 1e-9
    for values in scales:
        assert (values is not None) == (q.dtype == FP8)
        if values is not None:
            assert values.shape == (q.shape[0], k.shape[2]) and values.dtype == torch.float32


@library.custom_op("tpige_fake_fa3::forward", mutates_args=())
def _forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    q_descale: Tensor | None = None,
    k_descale: Tensor | None = None,
    v_descale: Tensor | None = None,
    softmax_scale: float | None = None,
    num_splits: int = 1,
) -> Four:
    scales = [q_descale, k_descale, v_descale]
    assert softmax_scale is not None
    _check(q, k, v, scales, softmax_scale)
    CALLS.append({"shape": tuple(q.shape), "dtype": q.dtype})
    heads = [
        (t.float() if s is None else t.float() * s[:, None, :, None]).transpose(1, 2)
        for t, s in zip((q, k, v), scales, strict=True)
    ]
    out = torch.nn.functional.scaled_dot_product_attention(*heads, scale=softmax_scale)
    given = torch.bfloat16 if q.dtype == FP8 else q.dtype
    lse = q.new_empty((q.shape[0], q.shape[2], q.shape[1]), dtype=torch.float32)
    return out.transpose(1, 2).to(given).contiguous(), lse, torch.empty(0), torch.empty(0)


@_forward.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any) -> Four:
    given = torch.bfloat16 if q.dtype == FP8 else q.dtype
    lse = q.new_empty((q.shape[0], q.shape[2], q.shape[1]), dtype=torch.float32)
    return q.new_empty(q.shape, dtype=given), lse, torch.empty(0), torch.empty(0)


@contextmanager
def installed() -> Iterator[list[dict[str, Any]]]:
    """Lets the package be there inside; gives the calls of its operator."""
    package, before = ModuleType(NAME), sys.modules.get(NAME)
    package._flash_attn_forward = _forward  # type: ignore[attr-defined]
    sys.modules[NAME] = package
    flash_3.flash_3_backend.cache_clear()
    CALLS.clear()
    try:
        yield CALLS
    finally:
        flash_3.flash_3_backend.cache_clear()
        if before is None:
            del sys.modules[NAME]
        else:
            sys.modules[NAME] = before
