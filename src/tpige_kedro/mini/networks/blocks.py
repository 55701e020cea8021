"""The few layers that the small networks are built from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation, no activation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 shortcut (He et al. 2016), SiLU; the first convolution carries the stride."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride=stride)
        self.second = convolution(outputs, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        return F.silu(self.shortcut(x) + self.second(F.silu(self.first(x))))


class SqueezeResidualBlock(nn.Module):
    """Pre-normalised residual unit with PReLU and channel attention: the IR-SE unit of face recognition."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, squeeze: int = 8) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.attention = nn.Sequential(
            nn.Linear(outputs, outputs // squeeze),
            nn.ReLU(),
            nn.Linear(outputs // squeeze, outputs),
            nn.Sigmoid(),
        )
        self.shortcut = convolution(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        residual = self.residual(x)
        summed: Tensor = (
            self.shortcut(x) + residual * self.attention(residual.mean((2, 3)))[:, :, None, None]
        )
        return summed


class ConvNextBlock(nn.Module):
    """Depthwise 5x5, layer norm, two pointwise layers and a learned scale (ConvNeXt, Liu et al. 2022)."""

    def __init__(self, channels: int, expansion: int = 3, scale: float = 0.1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 5, 1, 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, expansion * channels)
        self.narrow = nn.Linear(expansion * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        h = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        h = self.narrow(F.gelu(self.widen(h))) * self.scale
        summed: Tensor = x + h.permute(0, 3, 1, 2)
        return summed


class GlobalDepthwise(nn.Module):
    """A map (n, channels, side, side) to (n, outputs): one weight per channel and place, then linear (MobileFaceNet)."""

    def __init__(self, channels: int, side: int, outputs: int) -> None:
        super().__init__()
        self.places = nn.Conv2d(channels, channels, side, groups=channels, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.linear = nn.Linear(channels, outputs, bias=False)
        self.out_norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, side, side) -> (n, outputs)."""
        vectors: Tensor = self.out_norm(self.linear(self.norm(self.places(x).flatten(1))))
        return vectors


def attend(heat: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where a heat map (n, 1, h, w) points, x and y in [-1, 1], and the features (n, c, h, w) gathered there."""
    n, _, height, width = heat.shape
    weights = heat.float().flatten(1).softmax(-1).view(n, height, width)
    y = (torch.arange(height, device=heat.device) + 0.5) / height * 2 - 1
    x = (torch.arange(width, device=heat.device) + 0.5) / width * 2 - 1
    gathered = (features * weights[:, None].to(features.dtype)).sum((2, 3))
    return (weights.sum(1) * x).sum(1), (weights.sum(2) * y).sum(1), gathered
