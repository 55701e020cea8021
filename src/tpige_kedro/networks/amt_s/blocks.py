"""The pieces that the parts of AMT-S share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_prelu(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution and a PReLU with a slope per channel."""
    return nn.Sequential(nn.Conv2d(inside, outside, 3, stride, 1), nn.PReLU(outside))


class SideBlock(nn.Module):
    """A residual block that sends its last ``side`` channels through two convolutions of their own."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.conv1, self.conv3 = conv_prelu(channels, channels), conv_prelu(channels, channels)
        self.conv2, self.conv4 = conv_prelu(side, side), conv_prelu(side, side)
        self.conv5 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.prelu = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same."""
        out = self._turn(self.conv1(x), self.conv2)
        out = self._turn(self.conv3(out), self.conv4)
        updated: Tensor = self.prelu(x + self.conv5(out))
        return updated

    def _turn(self, x: Tensor, conv: nn.Module) -> Tensor:
        return torch.cat([x[:, : -self.side], conv(x[:, -self.side :])], 1)


def resize(x: Tensor, factor: float) -> Tensor:
    """Bilinear, pixel centres at halves."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def pixel_grid(height: int, width: int, like: Tensor) -> Tensor:
    """The coordinates (x, y) of every pixel, (1, 2, h, w)."""
    rows = torch.arange(height, device=like.device, dtype=like.dtype)
    columns = torch.arange(width, device=like.device, dtype=like.dtype)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y])[None]


def sample(images: Tensor, x: Tensor, y: Tensor, padding: str) -> Tensor:
    """Values of ``images`` (n, c, h, w) at pixel coordinates (n, h', w'), bilinear; ``padding`` as in ``grid_sample``.

    The published code scales coordinates by 1 / (w - 1), which has no value for an image one pixel wide; this scale is the other
    of ``grid_sample`` and means the same pixels at any size.
    """
    height, width = images.shape[2:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    return F.grid_sample(images, grid, "bilinear", padding, align_corners=False)


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """``images`` (n, c, h, w) fetched from where ``flow`` (n, 2, h, w), in pixels (x, y), points; the border is continued."""
    x, y = (pixel_grid(images.shape[2], images.shape[3], flow) + flow).unbind(1)
    return sample(images, x, y, "border")
