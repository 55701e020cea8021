"""The convolutions that turn a patch of 32x32 pixels into one vector."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.networks.musiq.tokens import pad_same

GROUPS = 32


class StandardizedConv(nn.Conv2d):
    """A convolution whose weights have mean 0 and deviation 1 in every output channel; padded to ceil(side / stride)."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inside, outside, kernel, stride, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(n, inside, h, w) to (n, outside, ceil(h / stride), ceil(w / stride))."""
        dims = (1, 2, 3)
        centred = self.weight - self.weight.mean(dims, keepdim=True)
        weight = centred / (self.weight.std(dims, keepdim=True) + 1e-5)
        padded = pad_same(images, self.kernel_size[0], self.stride[0])
        return F.conv2d(padded, weight, stride=self.stride)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with group normalisation, added to a projection."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        middle = outside // 4
        self.conv1, self.gn1 = StandardizedConv(inside, middle, 1), norm(middle)
        self.conv2, self.gn2 = StandardizedConv(middle, middle, 3), norm(middle)
        self.conv3, self.gn3 = StandardizedConv(middle, outside, 1), norm(outside)
        self.conv_proj, self.gn_proj = StandardizedConv(inside, outside, 1), norm(outside)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) to (n, outside, h, w)."""
        out = F.relu(self.gn1(self.conv1(x)))
        out = F.relu(self.gn2(self.conv2(out)))
        return F.relu(self.gn3(self.conv3(out)) + self.gn_proj(self.conv_proj(x)))


def norm(channels: int, eps: float = 1e-4) -> nn.GroupNorm:
    """Group normalisation in 32 groups."""
    return nn.GroupNorm(GROUPS, channels, eps)
