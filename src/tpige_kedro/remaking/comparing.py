"""Compares two clips frame by frame, as players show them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tpige_kedro.datasets.mp4 import Mp4Dataset


@dataclass(frozen=True)
class FrameComparison:
    """How the frames of two clips differ: sizes (T, H, W), how many frames do, and by how much at most and on average (of 255)."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    differing: int = 0
    largest: int = 0
    mean: float = 0.0

    @property
    def is_identical(self) -> bool:
        """Every pixel of every frame is equal."""
        return self.before == self.after and not self.differing

    def text(self) -> str:
        """The outcome in words.

        >>> FrameComparison((17, 80, 80), (17, 80, 80)).text()
        'identical: all 17 frames are equal'
        >>> FrameComparison((17, 80, 80), (17, 80, 80), 3, 12, 0.041).text()
        'not identical: 3 of 17 frames differ, by up to 12 of 255 (0.041 on average)'
        """
        if self.before != self.after:
            sizes = " and ".join(f"{t} frames of {w}x{h}" for t, h, w in (self.before, self.after))
            return f"not identical: {sizes}"
        if self.is_identical:
            return f"identical: all {self.before[0]} frames are equal"
        return (
            f"not identical: {self.differing} of {self.before[0]} frames differ, by up to {self.largest} of 255 "
            f"({self.mean:.3f} on average)"
        )


def compared(before: Path, after: Path) -> FrameComparison:
    """Decode both files and compare them frame by frame. Raises ``DatasetError`` if one cannot be decoded."""
    old, new = (Mp4Dataset(filepath=str(file)).load().frames for file in (before, after))
    shapes = tuple(old.shape[:3]), tuple(new.shape[:3])
    if shapes[0] != shapes[1]:
        return FrameComparison(*shapes)
    differing, largest, total = 0, 0, 0.0
    for one, other in zip(old, new, strict=True):
        gap = np.abs(one.astype(np.int16) - other)
        differing += bool(gap.any())
        largest = max(largest, int(gap.max()))
        total += float(gap.mean())
    return FrameComparison(*shapes, differing, largest, total / len(old))
