"""Motion smoothness as VBench defines it: how well the dropped odd frames follow from their even neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tpige_kedro.metrics.protocol import Frames, Missing

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    # two stacks of images (N, 3, H, W) in [0, 1] to the frames half-way between them
    Interpolator = Callable[[Tensor, Tensor], Tensor]

MINIMUM_FRAMES = 3
MULTIPLE = 16  # of the interpolation network's strides


def symmetric_padding(height: int, width: int) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) pixels that make both sides multiples of 16; the odd pixel goes right and down."""
    across, down = -width % MULTIPLE, -height % MULTIPLE
    return across // 2, across - across // 2, down // 2, down - down // 2


def to_levels(images: Tensor) -> Tensor:
    """Scale to 0..255, clip, and cut the fraction off (the published code does not round); int16."""
    import torch

    return (images * 255).clamp(0, 255).to(torch.uint8).to(torch.int16)


def motion_smoothness(
    frames: Frames,
    interpolate: Interpolator,
    batch_size: int = 8,
    device: torch.device | str = "cpu",
) -> float | Missing:
    """How close interpolated frames come to the real ones, in [0, 1], higher is better; a frozen clip scores about 1.

    Even frames are given, each odd frame between two of them is predicted and compared:
    ``(255 - mean |predicted - real|) / 255`` over uint8 values. The last frame of an even-length clip is not used.

    Args:
        frames: (T, H, W, 3) uint8 RGB; read in batches.
        interpolate: takes two stacks (N, 3, H', W') float32 in [0, 1] on ``device``, H' and W' multiples of 16, and returns the
            stack half-way between them; N is at most ``batch_size``.
        batch_size: how many frames are predicted at once; no influence on the value.
        device: where frames are prepared and compared.

    Returns:
        The score, or missing for fewer than three frames.

    Source: VBench, dimension "motion smoothness", single-iteration interpolation at scale 1.
    """
    import torch
    import torch.nn.functional as F

    if len(frames) < MINIMUM_FRAMES:
        return Missing(f"needs at least {MINIMUM_FRAMES} frames, the clip has {len(frames)}")
    height, width = frames.shape[1:3]
    left, right, top, bottom = symmetric_padding(height, width)
    whole = torch.tensor(
        255.0, device=device
    )  # a plain number is multiplied by its inverse on a GPU
    differences: list[float] = []
    for start in range(0, len(frames) - 2, 2 * batch_size):
        part = torch.from_numpy(np.ascontiguousarray(frames[start : start + 2 * batch_size + 1]))
        pixels = part[: len(part) - 1 + len(part) % 2].to(device).permute(0, 3, 1, 2)
        given = F.pad(pixels[::2] / whole, (left, right, top, bottom), mode="replicate")
        predicted = interpolate(given[:-1], given[1:])
        visible = to_levels(predicted[:, :, top : top + height, left : left + width])
        off = (visible - pixels[1::2]).abs().sum((1, 2, 3), dtype=torch.int64)
        differences.extend((off.double() / (3 * height * width)).tolist())
    return float((255.0 - np.mean(differences)) / 255.0)
