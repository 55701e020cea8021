"""Convolutions on a CPU by oneDNN, where PyTorch would not take it."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn


def convolve_by_onednn(network: nn.Module) -> None:
    """Let the 3-D convolutions of ``network`` in float32 run on oneDNN.

    PyTorch takes oneDNN for a single clip (1, C, T, H, W) only where C T H is over 20,480 or the kernel is larger than 3, and its own
    convolution is up to ten times as slow; results differ in the last bits. Kernels of one pixel stay as they are: PyTorch's own way is
    as fast. For a network that stays on the CPU. Builds of PyTorch without oneDNN (macOS) convolve as before.

    >>> small = nn.Conv3d(2, 3, 3, padding=1)
    >>> clip = torch.rand(1, 2, 4, 8, 8)
    >>> before = small(clip)
    >>> convolve_by_onednn(small)
    >>> torch.allclose(small(clip), before, atol=1e-5)
    True
    """
    if not torch.backends.mkldnn.is_available():
        return
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and max(module.kernel_size[1:]) > 1:
            module._conv_forward = partial(_convolved, module)  # type: ignore[method-assign]  # that is the point


def _convolved(layer: nn.Conv3d, clip: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    convolved: Tensor = torch.ops.aten.mkldnn_convolution(
        clip, weight, bias, layer.padding, layer.stride, layer.dilation, layer.groups
    )
    return convolved
