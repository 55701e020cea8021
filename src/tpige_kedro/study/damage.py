"""Damages a frame so that nobody who looks can miss it: for pairs that show whether a rater looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCKS = 16  # across the frame


def damaged(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame (H, W, 3) uint8 as a mosaic of 16 blocks across: no face, no text and no movement is left to like.

    >>> bool(
    ...     (
    ...         damaged(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3))[:2, :2] == 103
    ...     ).all()
    ... )
    False
    """
    height, width = frame.shape[:2]
    block = max(1, width // BLOCKS)
    rows, columns = np.arange(0, height, block), np.arange(0, width, block)
    sums = np.add.reduceat(np.add.reduceat(frame.astype(np.float32), rows, 0), columns, 1)
    heights = np.diff([*rows, height])[:, None, None]
    widths = np.diff([*columns, width])[None, :, None]
    means = (sums / (heights * widths)).round().astype(np.uint8)
    return np.ascontiguousarray(means.repeat(block, 0).repeat(block, 1)[:height, :width])
