"""Linear layers with weights in 8 bits (e4m3): half the memory of bfloat16 and, where the card computes in fp8, less time.

Each row of a weight (one output channel) and each row of an activation (one token) has a scale of its own; what a product loses is
measured in docs/performance.md. Of a video transformer, embeddings, norms, modulation and the last projection stay as they are: they take a
hundredth of the time and their errors reach every token.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

PRODUCT = (
    torch.bfloat16
)  # the only type in which a product with a scale per row is given by all cards
MULTIPLE = 16  # of both sides of a matrix that is multiplied in fp8
FP8 = torch.float8_e4m3fn
LARGEST = torch.finfo(FP8).max
SMALLEST = 1e-12  # of a scale: rows of zeros stay zeros
ADA = (8, 9)  # first cards with fp8 arithmetic
BLOCKS = ("blocks.", "vace_blocks.")  # of a video transformer: attention and feed-forward


class Fp8Linear(nn.Module):
    """``nn.Linear`` with an fp8 weight: W x + b, x quantised per token.

    Args:
        linear: the layer to take over; weight and bias stay on its device.
        computes: whether the card multiplies fp8 matrices; else, and for sides that are no multiple of 16, the weight is expanded to
            the type of x (for memory only).
        through: the device that quantises; by default that of the weight.
    """

    weight: Tensor
    scale: Tensor

    def __init__(
        self, linear: nn.Linear, computes: bool, through: torch.device | None = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        sides = self.in_features, self.out_features
        self.computes = computes and all(side % MULTIPLE == 0 for side in sides)
        home = linear.weight.device
        weight, scale = to_fp8(linear.weight.detach().to(through or home))
        self.register_buffer("weight", weight.to(home))
        self.register_buffer("scale", scale.to(home))
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
            bias=None if self.bias is None else self.bias.to(PRODUCT),
            out_dtype=PRODUCT,
            use_fast_accum=True,
        )
        return out.view(*x.shape[:-1], self.out_features).to(x.dtype)


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


def quantise(
    network: Any, device: torch.device, computes: bool, within: tuple[str, ...] = BLOCKS
) -> int:
    """Replace the linear layers whose names begin with one of ``within`` by :class:`Fp8Linear` on ``device``; returns how many.

    One at a time: the weights in 16 bits are let go of as it proceeds, so that the card never holds more than one of them.
    ``computes``: whether the card that will run them multiplies fp8 matrices.
    """
    meant = [name for name, module in network.named_modules() if _is_meant(name, module, within)]
    for name in meant:
        network.get_submodule(name).to(device)
        _replace(network, name, computes, device)
    return len(meant)


def quantise_layer(
    transformer: Any, name: str, computes: bool, through: torch.device | None = None
) -> bool:
    """Replace the layer ``name``, whose weight is there, by an :class:`Fp8Linear`; returns whether it is one that is meant to be."""
    if not _is_meant(name, transformer.get_submodule(name), BLOCKS):
        return False
    _replace(transformer, name, computes, through)
    return True


def _replace(network: Any, name: str, computes: bool, through: torch.device | None) -> None:
    parent, _, last = name.rpartition(".")
    layer = Fp8Linear(network.get_submodule(name), computes, through)
    setattr(network.get_submodule(parent), last, layer)


def _is_meant(name: str, module: nn.Module, within: tuple[str, ...]) -> bool:
    return isinstance(module, nn.Linear) and name.startswith(within)
