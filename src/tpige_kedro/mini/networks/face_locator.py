"""Finds the face in a frame, or says that none is to be seen (the role of SCRFD)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.networks import FACE_SIDE
from tpige_kedro.mini.networks.blocks import ResidualBlock, attend, convolution

CROP_MARGIN = 1.2  # half the side of a face crop, in half heights of the head


class Heads(NamedTuple):
    """One head per frame, each (n,): a logit that its face is visible, centre and half height in [-1, 1] coordinates."""

    visible: Tensor
    x: Tensor
    y: Tensor
    size: Tensor


def bounded_size(raw: Tensor) -> Tensor:
    """Any number to a head size in (0.1, 0.8)."""
    return 0.45 + 0.35 * torch.tanh(raw)


class FaceLocator(nn.Module):
    """Frame (n, 3, 80, 80) in [-1, 1] -> :class:`Heads`; a closed helmet or mask has a place but no visible face."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            convolution(3, 16, stride=2), nn.SiLU(), ResidualBlock(16, 32, 2), ResidualBlock(32, 56)
        )
        self.heat = nn.Conv2d(56, 1, 1)
        self.context = nn.Sequential(ResidualBlock(56, 64, 2))
        self.out = nn.Linear(56 + 64, 2)

    def forward(self, frames: Tensor) -> Heads:
        """Where the head is and whether its face can be seen."""
        features = self.features(frames)
        x, y, gathered = attend(self.heat(features), features)
        context = self.context(features).mean((2, 3))
        out = self.out(torch.cat([gathered, context], 1)).float()
        return Heads(out[:, 0], x, y, bounded_size(out[:, 1]))


def crop_heads(
    frames: Tensor, heads: Heads, side: int = FACE_SIDE, margin: float = CROP_MARGIN
) -> Tensor:
    """Square crops (n, 3, side, side) around the heads, bilinear; outside the frame the border is repeated."""
    half = (heads.size * margin).float()
    theta = torch.zeros(len(frames), 2, 3, device=frames.device)
    theta[:, 0, 0] = theta[:, 1, 1] = half
    theta[:, 0, 2], theta[:, 1, 2] = heads.x, heads.y
    grid = F.affine_grid(theta, [len(frames), 3, side, side], align_corners=False)
    return F.grid_sample(frames.float(), grid, padding_mode="border", align_corners=False)
