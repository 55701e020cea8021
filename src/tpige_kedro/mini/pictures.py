"""Frames and pictures of any size as the tensors that the small networks read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tpige_kedro.mini.networks import FRAME_SIDE

if TYPE_CHECKING:
    from PIL.Image import Image

    from tpige_kedro.metrics.protocol import Frames

PIXELS_AT_ONCE = 4_000_000  # 48 MB as floats


def to_images(frames: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """(T, H, W, 3) uint8 RGB to (T, 3, 80, 80) in [-1, 1]: the middle square, resized smoothly where it is not 80 already."""
    pixels = torch.from_numpy(np.array(frames)).to(device).permute(0, 3, 1, 2)
    height, width = pixels.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[:, :, top : top + side, left : left + side].float() / 127.5 - 1
    if side == FRAME_SIDE:
        return square
    return F.interpolate(square, (FRAME_SIDE, FRAME_SIDE), mode="bilinear", antialias=True)


def clip_to_images(frames: Frames, device: torch.device | str = "cpu") -> Tensor:
    """:func:`to_images` of a clip, a few frames at a time: large frames are never all in memory as floats."""
    height, width = frames.shape[1:3]
    at_once = max(1, PIXELS_AT_ONCE // (height * width))
    if len(frames) <= at_once:
        return to_images(frames[:], device)
    # one block, laid out as to_images does: many small tensors between large ones would keep the memory of all of these
    images = torch.empty(
        (len(frames), 3, FRAME_SIDE, FRAME_SIDE),
        device=device,
        memory_format=torch.channels_last,
    )
    for start in range(0, len(frames), at_once):
        part = slice(start, start + at_once)
        images[part] = to_images(frames[part], device)
    return images


def picture_to_images(picture: Image, device: torch.device | str = "cpu") -> Tensor:
    """A picture of any size as (1, 3, 80, 80) in [-1, 1]."""
    return to_images(np.asarray(picture.convert("RGB"))[None], device)


def to_frames(images: Tensor) -> NDArray[np.uint8]:
    """(T, 3, S, S) in [-1, 1] to (T, S, S, 3) uint8."""
    pixels = ((images.float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return pixels.permute(0, 2, 3, 1).cpu().numpy()
