"""Imaging quality as VBench defines it: the mean quality of the frames, each shrunk to at most 512 pixels a side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from tpige_kedro.metrics.face_similarity import NO_FRAMES
from tpige_kedro.metrics.protocol import Frames, Missing

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LARGEST_SIDE = 512
Mode = Literal["longer", "shorter", "shorter_centercrop"]


def resized_size(height: int, width: int, mode: Mode = "longer") -> tuple[int, int]:
    """(height, width) after shrinking the longer (or shorter) side to 512; fractions are cut off, small frames stay.

    481x833 becomes 295x511: the published code cuts both sides off, the one that should be 512 as well.
    """
    side = max(height, width) if mode == "longer" else min(height, width)
    if side <= LARGEST_SIDE:
        return height, width
    scale = LARGEST_SIDE / side
    return int(scale * height), int(scale * width)


def shrink(frames: Tensor, mode: Mode = "longer") -> Tensor:
    """Frames (n, 3, h, w) in 0..255 as pictures in [0, 1], bilinear without antialiasing, as published."""
    import torch.nn.functional as F

    height, width = frames.shape[2:]
    size = resized_size(height, width, mode)
    pictures = frames.float()
    if size != (height, width):
        pictures = F.interpolate(pictures, size, mode="bilinear", align_corners=False)
        if mode == "shorter_centercrop":
            top, left = (round((side - LARGEST_SIDE) / 2) for side in size)
            pictures = pictures[:, :, top : top + LARGEST_SIDE, left : left + LARGEST_SIDE]
    return pictures / 255


def imaging_quality(
    frames: Frames,
    quality: Callable[[Tensor], Tensor],
    batch_size: int = 8,
    device: torch.device | str = "cpu",
    mode: Mode = "longer",
) -> float | Missing:
    """The mean quality of all frames, divided by 100; about [0, 1], not clipped, higher is better.

    Args:
        frames: (T, H, W, 3) uint8 RGB; read in batches.
        quality: takes pictures (n, 3, h, w) in [0, 1] on ``device`` and returns (n,), about 0 to 100.
        batch_size: how many frames are looked at together; no influence on the value beyond rounding.
        mode: which side is shrunk; VBench's default is ``longer``.

    Returns:
        The score, or missing for a clip without frames.

    Source: VBench, dimension "imaging quality".
    """
    import torch

    if len(frames) == 0:
        return NO_FRAMES
    scores = []
    for start in range(0, len(frames), batch_size):
        pixels = torch.from_numpy(np.ascontiguousarray(frames[start : start + batch_size]))
        scores.append(quality(shrink(pixels.to(device).permute(0, 3, 1, 2), mode)).double().cpu())
    return float(torch.cat(scores).mean() / 100)
