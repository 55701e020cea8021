"""The frame half-way between two others (the role of AMT)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.networks.blocks import ResidualBlock, convolution


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """Look up ``images`` (n, 3, h, w) at each pixel plus ``flow`` (n, 2, h, w), in pixels, (x, y); borders repeat."""
    n, _, height, width = images.shape
    identity = torch.eye(2, 3, device=images.device).expand(n, 2, 3)
    grid = F.affine_grid(identity, [n, 3, height, width], align_corners=False)
    pixels = flow.new_tensor((2 / width, 2 / height))
    grid = grid + flow.permute(0, 2, 3, 1) * pixels
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def enlarge(x: Tensor) -> Tensor:
    """Twice the height and width, bilinear."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


# The shipped checkpoint has these widths: a change here needs a new training.
class FrameInterpolator(nn.Module):
    """Two stacks (n, 3, h, w) in [0, 1], sides multiples of 8 -> the stack half-way between them.

    A small U-Net predicts a flow to either frame, a mask that mixes the two warped frames, and a correction.
    """

    def __init__(self) -> None:
        super().__init__()
        self.level1 = nn.Sequential(convolution(6, 16), nn.SiLU())
        self.level2 = ResidualBlock(16, 32, 2)
        self.level4 = ResidualBlock(32, 48, 2)
        self.level8 = ResidualBlock(48, 72, 2)
        self.up4 = ResidualBlock(72 + 48, 48)
        self.up2 = ResidualBlock(48 + 32, 32)
        self.out = nn.Sequential(convolution(32 + 16, 24), nn.SiLU(), nn.Conv2d(24, 8, 3, 1, 1))

    def forward(self, first: Tensor, last: Tensor) -> Tensor:
        """The middle frames, in [0, 1] up to the correction's overshoot."""
        one = self.level1(torch.cat([first, last], 1) * 2 - 1)
        two = self.level2(one)
        four = self.level4(two)
        h = enlarge(self.level8(four))
        h = enlarge(self.up4(torch.cat([h, four], 1)))
        h = enlarge(self.up2(torch.cat([h, two], 1)))
        flow0, flow1, mask, correction = (
            self.out(torch.cat([h, one], 1)).float().split((2, 2, 1, 3), 1)
        )
        mix = mask.sigmoid()
        warped = mix * warp(first.float(), 4 * flow0) + (1 - mix) * warp(last.float(), 4 * flow1)
        middle: Tensor = warped + 0.1 * correction
        return middle
