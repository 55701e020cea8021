"""How much is wrong with a picture (the role of MUSIQ)."""

from __future__ import annotations

from torch import Tensor, nn

from tpige_kedro.mini.networks.blocks import ResidualBlock, convolution

FAULTS = ("blur", "noise", "exposure", "coding")


class ImageQuality(nn.Module):
    """Frame (n, 3, 80, 80) in [-1, 1] -> the severity (n, 4) in [0, 1] of each of ``FAULTS``."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            convolution(3, 24, stride=2),
            nn.SiLU(),
            ResidualBlock(24, 40, 2),
            ResidualBlock(40, 56, 2),
        )
        self.out = nn.Sequential(nn.Linear(56, 48), nn.SiLU(), nn.Linear(48, len(FAULTS)))

    def forward(self, frames: Tensor) -> Tensor:
        """Severities; :func:`quality` turns them into one number."""
        quality: Tensor = self.out(self.features(frames).mean((2, 3))).float().sigmoid()
        return quality


def quality(severities: Tensor) -> Tensor:
    """One number in [0, 1] per picture: every fault takes its share of what the others left, ``prod (1 - s)``."""
    return (1 - severities).prod(-1)
