"""Inception-v3 as torchvision publishes it, up to its pooled features: what the authors' code calls FID compares these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.weights.published import Weights

Kernel = int | tuple[int, int]
Step = tuple[str, int, Kernel]  # name, channels, kernel

INPUT_SIDE = 299
FEATURES = 2048
WIDE, TALL = (1, 7), (7, 1)
# the published network expects pictures in [-1, 1]; torchvision's switch `transform_input` converts from ImageNet-normalised ones
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

INCEPTION_V3 = Weights(
    "inception_v3_google-0cc3c7bd.pth",
    "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
    "BSD-3-Clause code, trained on ImageNet: research only",
)


class ConvNorm(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(
        self, inside: int, outside: int, kernel: Kernel, stride: int = 1, padding: Kernel = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outside, eps=0.001)

    def forward(self, images: Tensor) -> Tensor:
        """(n, inside, h, w) to (n, outside, h', w')."""
        return F.relu(self.bn(self.conv(images)))


def same(kernel: Kernel) -> Kernel:
    """The padding that keeps height and width."""
    return kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)


class Mixed(nn.Module):
    """Chains of convolutions beside a pooling, concatenated.

    ``forks``: the result of the chain that ends with this name goes through these convolutions in parallel. ``pooled`` > 0: average pooling and a
    1x1 convolution to so many channels; 0: the block halves height and width, its last convolutions and a max pooling do so.
    """

    def __init__(
        self,
        inside: int,
        chains: Sequence[Sequence[Step]],
        pooled: int,
        forks: Mapping[str, Sequence[Step]] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.chains = [[name for name, *_ in chain] for chain in chains]
        self.forks = {end: [name for name, *_ in fork] for end, fork in forks.items()}
        for chain in chains:
            before = inside
            for name, outside, kernel in chain:
                halves = not pooled and name == chain[-1][0]
                padding, stride = (0, 2) if halves else (same(kernel), 1)
                setattr(self, name, ConvNorm(before, outside, kernel, stride, padding))
                before = outside
            for name, outside, kernel in forks.get(chain[-1][0], ()):
                setattr(self, name, ConvNorm(before, outside, kernel, 1, same(kernel)))
        self.branch_pool = ConvNorm(inside, pooled, 1) if pooled else None

    def forward(self, images: Tensor) -> Tensor:
        """(n, inside, h, w) to (n, sum of the branches, h', w')."""
        branches = []
        for chain in self.chains:
            values = images
            for name in chain:
                values = getattr(self, name)(values)
            ends = self.forks.get(chain[-1], [])
            branches += [getattr(self, name)(values) for name in ends] or [values]
        if self.branch_pool is None:
            return torch.cat([*branches, F.max_pool2d(images, 3, 2)], 1)
        return torch.cat([*branches, self.branch_pool(F.avg_pool2d(images, 3, 1, 1))], 1)


def numbered(stem: str, *steps: tuple[int, Kernel]) -> list[Step]:
    """A chain named ``<stem>_1``, ``<stem>_2``, …"""
    return [(f"{stem}_{i}", channels, kernel) for i, (channels, kernel) in enumerate(steps, 1)]


def grid_35(inside: int, pooled: int) -> Mixed:
    """A block at 35x35 pixels."""
    chains: list[list[Step]] = [
        [("branch1x1", 64, 1)],
        numbered("branch5x5", (48, 1), (64, 5)),
        numbered("branch3x3dbl", (64, 1), (96, 3), (96, 3)),
    ]
    return Mixed(inside, chains, pooled)


def grid_17(middle: int) -> Mixed:
    """A block at 17x17 pixels, with 7x7 convolutions taken apart."""
    twice = ((middle, 1), (middle, TALL), (middle, WIDE), (middle, TALL), (192, WIDE))
    chains: list[list[Step]] = [
        [("branch1x1", 192, 1)],
        numbered("branch7x7", (middle, 1), (middle, WIDE), (192, TALL)),
        numbered("branch7x7dbl", *twice),
    ]
    return Mixed(768, chains, 192)


def grid_8(inside: int) -> Mixed:
    """A block at 8x8 pixels, whose chains end in a row and a column convolution side by side."""
    chains: list[list[Step]] = [
        [("branch1x1", 320, 1)],
        numbered("branch3x3", (384, 1)),
        numbered("branch3x3dbl", (448, 1), (384, 3)),
    ]

    def fork(stem: str) -> list[Step]:
        return [(f"{stem}a", 384, (1, 3)), (f"{stem}b", 384, (3, 1))]

    forks = {"branch3x3_1": fork("branch3x3_2"), "branch3x3dbl_2": fork("branch3x3dbl_3")}
    return Mixed(inside, chains, 192, forks)


class InceptionV3(nn.Module):
    """Pictures (n, 3, 299, 299), RGB in [0, 1], to pooled features (n, 2048).

    The classifiers are there because the checkpoint holds them; they are not computed. As in the authors' evaluation code
    the pictures are not normalised although ``transform_input`` supposes it: the network sees them at low contrast.

    Source: Szegedy et al. 2016; layout of torchvision's ``IMAGENET1K_V1``.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvNorm(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = ConvNorm(32, 32, 3)
        self.Conv2d_2b_3x3 = ConvNorm(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = ConvNorm(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvNorm(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = (
            grid_35(inside, pooled) for inside, pooled in ((192, 32), (256, 64), (288, 64))
        )
        double = numbered("branch3x3dbl", (64, 1), (96, 3), (96, 3))
        self.Mixed_6a = Mixed(288, [[("branch3x3", 384, 3)], double], 0)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = map(
            grid_17, (128, 160, 160, 192)
        )
        self.AuxLogits = nn.ModuleDict(
            {
                "conv0": ConvNorm(768, 128, 1),
                "conv1": ConvNorm(128, 768, 5),
                "fc": nn.Linear(768, 1000),
            }
        )
        sevens = numbered("branch7x7x3", (192, 1), (192, WIDE), (192, TALL), (192, 3))
        self.Mixed_7a = Mixed(768, [numbered("branch3x3", (192, 1), (320, 3)), sevens], 0)
        self.Mixed_7b, self.Mixed_7c = grid_8(1280), grid_8(2048)
        self.fc = nn.Linear(FEATURES, 1000)
        self.register_buffer("scale", torch.tensor(IMAGENET_STD) / 0.5, persistent=False)
        self.register_buffer("shift", (torch.tensor(IMAGENET_MEAN) - 0.5) / 0.5, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        x = pictures * self.scale.view(1, 3, 1, 1) + self.shift.view(1, 3, 1, 1)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        features: torch.Tensor = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))
        return features
