"""What AMT-S sees of a frame: matching features at an eighth of the size, and a pyramid of context features."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.networks.amt_s.blocks import conv_prelu

MATCHING = 84  # channels of the features that are correlated
PYRAMID = (20, 32, 44, 56)  # channels at 1/2, 1/4, 1/8 and 1/16 of the size


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1, each with instance normalisation, added to the shortcut."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        middle = outside // 4
        self.conv1 = nn.Conv2d(inside, middle, 1)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, 1)
        self.conv3 = nn.Conv2d(middle, outside, 1)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inside, outside, 1, stride)) if stride > 1 else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, h, w) to (n, outside, h / stride, w / stride)."""
        out = x
        for conv in (self.conv1, self.conv2, self.conv3):
            out = F.relu(F.instance_norm(conv(out)))
        if isinstance(self.downsample, nn.Identity):
            return F.relu(x + out)
        return F.relu(F.instance_norm(self.downsample(x)) + out)


class MatchingEncoder(nn.Module):
    """Frames (n, 3, h, w) to features (n, 84, h / 8, w / 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 7, 2, 3)
        self.layer1 = nn.Sequential(Bottleneck(32, 32, 1), Bottleneck(32, 32, 1))
        self.layer2 = nn.Sequential(Bottleneck(32, 64, 2), Bottleneck(64, 64, 1))
        self.layer3 = nn.Sequential(Bottleneck(64, 96, 2), Bottleneck(96, 96, 1))
        self.conv2 = nn.Conv2d(96, MATCHING, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """See the class."""
        out = F.relu(F.instance_norm(self.conv1(frames)))
        features: Tensor = self.conv2(self.layer3(self.layer2(self.layer1(out))))
        return features


class PyramidEncoder(nn.Module):
    """Frames (n, 3, h, w) to four feature maps, each half the size of the one before."""

    def __init__(self) -> None:
        super().__init__()
        before = 3
        for level, channels in enumerate(PYRAMID, 1):
            stage = nn.Sequential(conv_prelu(before, channels, 2), conv_prelu(channels, channels))
            setattr(self, f"pyramid{level}", stage)
            before = channels

    def forward(self, frames: Tensor) -> list[Tensor]:
        """The maps at 1/2, 1/4, 1/8 and 1/16 of the size."""
        maps = [frames]
        for level in range(1, len(PYRAMID) + 1):
            maps.append(getattr(self, f"pyramid{level}")(maps[-1]))
        return maps[1:]
