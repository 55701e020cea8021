"""Three face encoders on three backbones: aligned crop (n, 3, 40, 40) -> unit vector (n, 128)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.networks.blocks import (
    ConvNextBlock,
    GlobalDepthwise,
    ResidualBlock,
    SqueezeResidualBlock,
    convolution,
)

WIDTH = 128  # of the embedding


class ResidualFaceEncoder(nn.Module):
    """A residual network, trained with the ArcFace margin (the role of buffalo_l's ``w600k_r50``)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(3, 32),
            nn.SiLU(),
            ResidualBlock(32, 64, 2),
            ResidualBlock(64, 104, 2),
            ResidualBlock(104, 144, 2),
            GlobalDepthwise(144, 5, WIDTH),
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Unit vectors; their dot product is the similarity of two faces."""
        return F.normalize(self.body(crops).float(), dim=-1)


class ConvNextFaceEncoder(nn.Module):
    """Depthwise blocks, trained with the CurricularFace margin (the role of the CurricularFace IR-101)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 64, 4, 2, 1),
            ConvNextBlock(64),
            ConvNextBlock(64),
            nn.Conv2d(64, 128, 2, 2),
            ConvNextBlock(128),
            ConvNextBlock(128),
            ConvNextBlock(128),
            nn.Conv2d(128, 128, 2, 2),
            GlobalDepthwise(128, 5, WIDTH),
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Unit vectors; their dot product is the similarity of two faces."""
        return F.normalize(self.body(crops).float(), dim=-1)


class SqueezeFaceEncoder(nn.Module):
    """IR-SE units, trained with the CosFace margin: the judge of benchmarks, seen by no training of a generator and no choice among clips."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 24, 3, 1, 1, bias=False),
            SqueezeResidualBlock(24, 48, 2),
            SqueezeResidualBlock(48, 88, 2),
            SqueezeResidualBlock(88, 120, 2),
            convolution(120, 24, 1),
            nn.Flatten(),
            nn.Linear(24 * 5 * 5, WIDTH, bias=False),
            nn.BatchNorm1d(WIDTH),
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Unit vectors; their dot product is the similarity of two faces."""
        return F.normalize(self.body(crops).float(), dim=-1)
