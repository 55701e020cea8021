"""A few numbers that say much about pictures, clips and tensors, and the pictures that makers are given."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from tpige_kedro.metrics.protocol import Missing
from tpige_kedro.models import model_revision, project_root

DEMO = project_root() / "data" / "01_raw" / "demo" / "references"


def of_frames(frames: np.ndarray) -> dict[str, Any]:
    """Of (T, H, W, 3) uint8: the shape, and on a scale of [0, 1] means over a third of the time and a quarter of the area, and how
    much they vary inside."""
    cells = [
        cell / 255.0
        for time in np.array_split(frames, min(3, len(frames)))
        for rows in np.array_split(time, 2, axis=1)
        for cell in np.array_split(rows, 2, axis=2)
    ]
    means = [float(v) for cell in cells for v in cell.mean(axis=(0, 1, 2))]
    return {
        "exact": {"shape": list(frames.shape)},
        "coarse": {"means": means, "spreads": [float(cell.std()) for cell in cells]},
    }


def of_tensor(values: torch.Tensor) -> dict[str, Any]:
    """Of (1, C, F, h, w): the shape, and mean and spread of each frame."""
    frames = values[0].float().transpose(0, 1).flatten(1)
    means, spreads = frames.mean(1).tolist(), frames.std(1).tolist()
    return {"exact": {"shape": list(values.shape)}, "close": {"means": means, "spreads": spreads}}


def of_picture(picture: Image.Image) -> dict[str, Any]:
    return of_frames(np.asarray(picture.convert("RGB"))[None])


def of_values(values: Mapping[str, float | Missing]) -> dict[str, Any]:
    """Numbers, and the reasons of those that are missing."""
    missing = {name: v.reason for name, v in values.items() if isinstance(v, Missing)}
    numbers = {name: v for name, v in values.items() if not isinstance(v, Missing)}
    return {"exact": {"missing": missing}, "close": numbers}


def of_weights(folder: str) -> dict[str, Any]:
    """Which weights a result was made with, for those that ship with the project."""
    return {"weights": {"exact": model_revision(folder)[:16]}}


def photo(person: int, side: int = 80) -> np.ndarray:
    """The picture of a person of the demo, (side, side, 3); ``side`` is a multiple of 80."""
    pixels = np.asarray(Image.open(DEMO / f"person{person:02d}.png").convert("RGB"))
    return pixels.repeat(side // 80, axis=0).repeat(side // 80, axis=1)


def blurred(pixels: np.ndarray) -> np.ndarray:
    """Each pixel the mean of itself and its four neighbours."""
    sums = pixels.astype(int)
    for axis in (0, 1):
        for step in (-1, 1):
            sums = sums + np.roll(pixels, step, axis)
    return (sums // 5).astype(np.uint8)


def clip_of(person: int, other: int, length: int = 23) -> np.ndarray:
    """Frames (length, 80, 80, 3) of a person who moves to the right and gets darker, goes out of focus in every fourth frame, is
    another one in every seventh, and is hidden in every fifth."""
    frames = []
    for t in range(length):
        seen = photo(other if t % 7 == 6 else person)
        seen = np.roll(seen, t // 2, axis=1) * (1 - t / (3 * length))
        frames.append(blurred(seen.astype(np.uint8)) if t % 4 == 3 else seen.astype(np.uint8))
        if t % 5 == 4:
            frames[-1] = np.full_like(frames[-1], 90 + t)
    return np.stack(frames)


def decoded(uri: str) -> Image.Image:
    """The picture in a ``data:`` URI."""
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
