"""Motion smoothness as VBench defines it: how well the dropped odd frames follow from their even neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.metrics.protocol import Missing

Images = NDArray[np.float32]  # (N, 3, H, W) in [0, 1]
Interpolator = Callable[
    [Images, Images], Images
]  # the frames half-way between two stacks of images

MINIMUM_FRAMES = 3
MULTIPLE = 16  # of the interpolation network's strides


def symmetric_padding(height: int, width: int) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) pixels that make both sides multiples of 16; the odd pixel goes right and down."""
    across, down = -width % MULTIPLE, -height % MULTIPLE
    return across // 2, across - across // 2, down // 2, down - down // 2


def to_uint8(images: Images) -> NDArray[np.uint8]:
    """Scale to 0..255, clip, and cut the fraction off (the published code does not round)."""
    return np.clip(images * np.float32(255), 0, 255).astype(np.uint8)


def motion_smoothness(
    frames: NDArray[np.uint8], interpolate: Interpolator, batch_size: int = 8
) -> float | Missing:
    """How close interpolated frames come to the real ones, in [0, 1], higher is better; a frozen clip scores about 1.

    Even frames are given, each odd frame between two of them is predicted and compared:
    ``(255 - mean |predicted - real|) / 255`` over uint8 values. The last frame of an even-length clip is not used.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        interpolate: takes two stacks (N, 3, H', W') float32 in [0, 1], H' and W' multiples of 16, and returns the stack
            half-way between them; N is at most ``batch_size``.
        batch_size: how many frames are predicted at once; no influence on the value.

    Returns:
        The score, or missing for fewer than three frames.

    Source: VBench, dimension "motion smoothness", single-iteration interpolation at scale 1.
    """
    if len(frames) < MINIMUM_FRAMES:
        return Missing(f"needs at least {MINIMUM_FRAMES} frames, the clip has {len(frames)}")
    height, width = frames.shape[1:3]
    left, right, top, bottom = symmetric_padding(height, width)
    margins = ((0, 0), (0, 0), (top, bottom), (left, right))
    even, real = frames[::2], frames[1::2]
    differences: list[float] = []
    for start in range(0, len(even) - 1, batch_size):
        stop = min(start + batch_size, len(even) - 1)
        given = even[start : stop + 1].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        padded = np.pad(given, margins, mode="edge")
        predicted = np.asarray(interpolate(padded[:-1], padded[1:]), np.float32)
        visible = to_uint8(predicted[:, :, top : top + height, left : left + width]).astype(
            np.int16
        )
        off = np.abs(visible - real[start:stop].transpose(0, 3, 1, 2))
        differences.extend(off.mean(axis=(1, 2, 3), dtype=np.float64))
    return float((255.0 - np.mean(differences)) / 255.0)
