"""A picture as MUSIQ reads it: patches of the picture at three sizes, each with its place on a hashed grid."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

PATCH = 32  # pixels a side
GRID = 10  # bins a side of the position table
LONGER_SIDES = (224, 384)  # of the two resized copies; the third is the picture itself


class Tokens(NamedTuple):
    """``patches`` (n, tokens, 3072), channel by channel; their place, scale and validity are (tokens,), alike for all n."""

    patches: Tensor
    place: Tensor
    scale: Tensor
    valid: Tensor

    def only_valid(self) -> Tokens:
        """Without the tokens that only fill up a scale."""
        kept = self.valid
        return Tokens(self.patches[:, kept], self.place[kept], self.scale[kept], kept[kept])


def tokenize(pictures: Tensor) -> Tokens:
    """Tokens of ``pictures`` (n, 3, h, w), all of one size.

    The two copies are filled up with zeros to the number of patches of a square; the picture itself keeps what it has.
    """
    copies = [resize_longer_side(pictures, side) for side in LONGER_SIDES]
    parts = [
        filled(scale_tokens(copy, scale), math.ceil(side / PATCH) ** 2)
        for scale, (copy, side) in enumerate(zip(copies, LONGER_SIDES, strict=True))
    ]
    parts.append(scale_tokens(pictures, len(LONGER_SIDES)))
    patches, *rest = zip(*parts, strict=True)
    return Tokens(torch.cat(patches, 1), *(torch.cat(column) for column in rest))


def resize_longer_side(pictures: Tensor, side: int) -> Tensor:
    """``pictures`` with the longer side ``side`` pixels, bicubic without antialiasing; small ones grow."""
    height, width = pictures.shape[2:]
    ratio = side / max(height, width)
    size = (max(1, round(height * ratio)), max(1, round(width * ratio)))
    return F.interpolate(pictures, size, mode="bicubic", align_corners=False)


def scale_tokens(pictures: Tensor, scale: int) -> Tokens:
    """The patches of one scale in rows, the picture padded with zeros on all sides to whole patches."""
    rows, columns = (math.ceil(side / PATCH) for side in pictures.shape[2:])
    patches = F.unfold(pad_same(pictures, PATCH, PATCH), PATCH, stride=PATCH).transpose(1, 2)
    row, column = (bins(count, pictures.device) for count in (rows, columns))
    place = (row[:, None] * GRID + column).flatten()
    valid = torch.ones_like(place, dtype=torch.bool)
    return Tokens(patches, place, torch.full_like(place, scale), valid)


def filled(tokens: Tokens, count: int) -> Tokens:
    """``tokens`` with zeros up to ``count``, not valid, at place 0 and scale 0."""
    missing = count - tokens.patches.shape[1]
    patches = F.pad(tokens.patches, (0, 0, 0, missing))
    return Tokens(patches, *(F.pad(column, (0, missing)) for column in tokens[1:]))


def bins(count: int, device: torch.device) -> Tensor:
    """The bin of each of ``count`` rows or columns: the nearest of ten."""
    table = torch.arange(GRID, dtype=torch.float32, device=device)
    return F.interpolate(table[None, None], count, mode="nearest")[0, 0].long()


def pad_same(images: Tensor, kernel: int, stride: int) -> Tensor:
    """Zeros around ``images`` so that a window ``kernel`` with ``stride`` gives ceil(side / stride); the odd one right and below."""

    def around(side: int) -> tuple[int, int]:
        total = max(0, (math.ceil(side / stride) - 1) * stride + kernel - side)
        return total // 2, total - total // 2

    height, width = images.shape[2:]
    return F.pad(images, (*around(width), *around(height)))
