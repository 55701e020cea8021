"""Dense optical flow of a clip, and what it shows: how much moves, and how much of the change is not motion.

Farneback's flow of OpenCV: no weights, and the same result with one thread and with four.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.metrics.protocol import Frames, Missing

# of the pictures that flow is computed of: in larger ones it comes out too short where they are smooth
LONGEST_SIDE = 128
MINIMUM_FRAMES = 2
FRAMES_AT_ONCE = 16
PYRAMID = {"pyr_scale": 0.5, "levels": 4, "winsize": 15, "iterations": 3}
POLYNOMIAL = {"poly_n": 5, "poly_sigma": 1.1, "flags": 0}

Grey = NDArray[np.uint8]  # (h, w)
Flow = NDArray[np.float32]  # (h, w, 2), in pixels, (x, y)


def flow_between(first: Grey, second: Grey) -> Flow:
    """How far each pixel of ``first`` moves until ``second``.

    Source: G. Farneback, "Two-frame motion estimation based on polynomial expansion" (2003).
    """
    import cv2

    # the empty array makes OpenCV allocate the result
    options: dict[str, Any] = {"flow": None, **PYRAMID, **POLYNOMIAL}
    return np.asarray(cv2.calcOpticalFlowFarneback(first, second, **options), np.float32)


def unexplained(first: Grey, second: Grey, flow: Flow) -> float:
    """Mean |first - second moved back along the flow| over the pixels whose way stays inside the picture, in [0, 1].

    The warping error without its mask of occlusions: 0 where the flow explains all of the change.

    Source: W.-S. Lai et al., "Learning blind video temporal consistency" (2018), section 4.2.
    """
    import cv2

    height, width = first.shape
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))  # fmt: skip
    x, y = across + flow[..., 0], down + flow[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    if not inside.any():
        return 0.0
    moved = cv2.remap(second.astype(np.float32), x, y, cv2.INTER_LINEAR)
    return float(np.abs(moved - first)[inside].mean() / 255)


def grey_frames(frames: Frames) -> Iterator[Grey]:
    """All frames in grey, the longer side at most 128 pixels; read a part at a time."""
    import cv2

    height, width = frames.shape[1:3]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        for frame in frames[start : start + FRAMES_AT_ONCE]:
            grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
            yield (grey if scale == 1 else cv2.resize(grey, size, interpolation=cv2.INTER_AREA)).astype(np.uint8)  # fmt: skip


def motion_and_flicker(frames: Frames, fps: float) -> dict[str, float | Missing]:
    """``motion_amplitude`` and ``flicker`` of a clip.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        fps: frames a second.

    Returns:
        * ``motion_amplitude``: mean length of the flow over all pixels and pairs of neighbouring frames, in diagonals of the picture
          a second; 0 for a frozen clip, about 0.1 for a person who moves before a still background. Independent of size and frame rate.
        * ``flicker``: mean of :func:`unexplained` over the pairs, in [0, 1], lower is better.

        Both are missing for fewer than two frames.

    >>> frozen = np.full((3, 32, 32, 3), 90, np.uint8)
    >>> motion_and_flicker(frozen, 8.0)
    {'motion_amplitude': 0.0, 'flicker': 0.0}
    """
    if len(frames) < MINIMUM_FRAMES:
        few = Missing(f"needs at least {MINIMUM_FRAMES} frames, the clip has {len(frames)}")
        return {"motion_amplitude": few, "flicker": few}
    lengths, rests = [], []
    pictures = grey_frames(frames)
    before = next(pictures)
    diagonal = float(np.hypot(*before.shape))
    for after in pictures:
        flow = flow_between(before, after)
        lengths.append(float(np.hypot(flow[..., 0], flow[..., 1]).mean()))
        rests.append(unexplained(before, after, flow))
        before = after
    amplitude = float(np.mean(lengths)) * fps / diagonal
    return {"motion_amplitude": amplitude, "flicker": float(np.mean(rests))}
