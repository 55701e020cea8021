"""All-pairs correlation of two frames, and looking it up around where a flow points."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tpige_kedro.networks.amt_s.blocks import pixel_grid, sample

RADIUS = 3
LEVELS = 4
CHANNELS = LEVELS * (2 * RADIUS + 1) ** 2  # of one lookup


def pyramid(volume: Tensor) -> list[Tensor]:
    """``volume`` (n, 1, h, w) and three halvings of it."""
    levels = [volume]
    for _ in range(LEVELS - 1):
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


class Correlation:
    """Scalar products of all features of two maps (n, c, h, w), both ways, at four resolutions of the map looked into."""

    def __init__(self, first: Tensor, second: Tensor) -> None:
        n, channels, height, width = first.shape
        products = first.flatten(2).transpose(1, 2) @ second.flatten(2) / math.sqrt(channels)
        self._towards = [
            pyramid(volume.reshape(n * height * width, 1, height, width))
            for volume in (products, products.transpose(1, 2))
        ]
        self._pixels = pixel_grid(height, width, first)

    def lookup(self, flow0: Tensor, flow1: Tensor, time: float) -> Tensor:
        """Correlations around the places that the flows (n, 2, h, w), from the middle frame, match up: (n, 392, h, w)."""
        forward = self._window(self._towards[0], self._pixels + flow1 / time)
        backward = self._window(self._towards[1], self._pixels + flow0 / (1 - time))
        return torch.cat([forward, backward], 1)

    def _window(self, levels: list[Tensor], centre: Tensor) -> Tensor:
        """7x7 values around ``centre`` (n, 2, h, w) at each level, with zeros outside: (n, 196, h, w)."""
        n, _, height, width = centre.shape
        x, y = centre.permute(1, 0, 2, 3).reshape(2, n * height * width, 1, 1).unbind(0)
        steps = torch.arange(-RADIUS, RADIUS + 1, device=centre.device, dtype=centre.dtype)
        # the published window runs through x row by row: it was trained so
        dx, dy = torch.meshgrid(steps, steps, indexing="ij")
        values = [
            sample(volume, x / 2**level + dx, y / 2**level + dy, "zeros").flatten(1)
            for level, volume in enumerate(levels)
        ]
        return torch.cat(values, 1).view(n, height, width, -1).permute(0, 3, 1, 2)
