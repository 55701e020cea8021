"""Linear layers with weights in 8 bits (e4m3): half the memory of bfloat16 and, where the card computes in fp8, less time.

Each row of a weight (one output channel) and each row of an activation (one token) has a scale of its own; what a product loses is
measured in docs/performance.md. Embeddings, norms, modulation and the last projection stay as they are: they take a hundredth of the time and
their errors reach every token.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

FP8 = torch.float8_e4m3fn
LARGEST = torch.finfo(FP8).max
SMALLEST = 1e-12  # of a scale: rows of zeros stay zeros
ADA = (8, 9)  # first cards with fp8 arithmetic
BLOCKS = ("blocks.", "vace_blocks.")  # only in these: attention and feed-forward


class Fp8Linear(nn.Module):
    """``nn.Linear`` with an fp8 weight: W x + b, x quantised per token.

    Args:
        linear: the layer to take over; stays where it is.
        computes: whether the card multiplies fp8 matrices; else the weight is expanded to the type of x (for memory only).
    """

    weight: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear, computes: bool) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.computes = computes
        weight, scale = to_fp8(linear.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features) in the type of ``x``."""
        if not self.computes:
            return nn.functional.linear(
                x, (self.weight.float() * self.scale).to(x.dtype), self.bias
            )
        rows, scale = to_fp8(x.reshape(-1, self.in_features))
        out = torch._scaled_mm(
            rows,
            self.weight.t(),
            scale_a=scale,
            scale_b=self.scale.t(),
            bias=None if self.bias is None else self.bias.to(x.dtype),
            out_dtype=x.dtype,
            use_fast_accum=True,
        )
        return out.view(*x.shape[:-1], self.out_features)


def to_fp8(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix (N, K) as e4m3 and the scale of each row (N, 1), float32: matrix = values * scale.

    >>> values, scale = to_fp8(torch.tensor([[1.0, -2.0], [0.0, 0.0]]))
    >>> (values.float() * scale).tolist()
    [[1.0, -2.0], [0.0, 0.0]]
    """
    values = matrix.float()
    scale = values.abs().amax(dim=1, keepdim=True).clamp(min=SMALLEST) / LARGEST
    return (values / scale).clamp(-LARGEST, LARGEST).to(FP8), scale


def computes_in_fp8(device: torch.device) -> bool:
    """Whether the device multiplies fp8 matrices."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= ADA


def quantise(transformer: Any, device: torch.device, computes: bool) -> int:
    """Replace the linear layers of the blocks by :class:`Fp8Linear` on ``device``, one at a time; returns how many.

    The weights in 16 bits are let go of as it proceeds, so that the card never holds more than one of them. ``computes``: whether
    the card that will run them multiplies fp8 matrices.
    """
    names = [name for name, module in transformer.named_modules() if _is_meant(name, module)]
    for name in names:
        parent = transformer.get_submodule(name.rpartition(".")[0])
        last = name.rpartition(".")[2]
        setattr(parent, last, Fp8Linear(getattr(parent, last).to(device), computes))
    return len(names)


def _is_meant(name: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and name.startswith(BLOCKS)
