"""Clips and pictures that tell nothing but what they show: one encoder, one frame size, rate and length, no words, one file size."""

from __future__ import annotations

import io
import math
import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.datasets.mp4 import Clip
from tpige_kedro.datasets.mp4_encoding import encode_clip
from tpige_kedro.provenance import xmp_box
from tpige_kedro.study.damage import damaged

VERSION = 1  # raise it when blinded files come out differently: they are then made again
CRF = 16  # what compression loses is not seen, and is the same for all
HIGHEST_RATE = 60.0  # frames per second, as screens have
FREE = 24  # bytes that each file gets at least: a box, and what tells two uses of a clip apart
QUALITY = 92  # of JPEG


@dataclass(frozen=True)
class Shape:
    """What all clips of a sample are brought to: width and height in pixels, frames per second, and how many frames."""

    width: int
    height: int
    rate: float
    count: int

    @property
    def seconds(self) -> float:
        """How long the clips last."""
        return self.count / self.rate


class Look(NamedTuple):
    """What a clip is like: frames per second, and the shape (T, H, W) of its frames."""

    rate: float
    shape: tuple[int, int, int]


def look(clip: Clip) -> Look:
    """How a clip is, without its frames."""
    count, height, width, _ = clip.frames.shape
    return Look(float(clip.fps), (count, height, width))


def common_shape(clips: Sequence[Look]) -> Shape:
    """The largest width, height and length, and a rate at which each clip keeps its pace.

    >>> common_shape([Look(8, (8, 32, 48)), Look(12, (24, 64, 32))])
    Shape(width=48, height=64, rate=24.0, count=48)
    """
    rate = common_rate([clip.rate for clip in clips])
    counts, heights, widths = zip(*(clip.shape for clip in clips), strict=True)
    seconds = max(count / clip.rate for count, clip in zip(counts, clips, strict=True))
    width, height = max(widths), max(heights)
    count = max(1, math.ceil(round(seconds * rate, 3)))
    return Shape(width + width % 2, height + height % 2, rate, count)


def common_rate(rates: Sequence[float]) -> float:
    """That of all if they agree; else one of which each is a whole part, at most 60 per second.

    >>> common_rate([16, 16]), common_rate([16, 24]), common_rate([16, 25])
    (16.0, 48.0, 60.0)
    """
    if len(set(rates)) == 1:
        return float(rates[0])
    together = (
        math.lcm(*(round(rate) for rate in rates)) if all(r == round(r) for r in rates) else 0
    )
    return float(together) if 0 < together <= HIGHEST_RATE else max(HIGHEST_RATE, *rates)


def blinded(clip: Clip, shape: Shape, is_damaged: bool = False) -> bytes:
    """The clip at this shape, as an MP4 without title, recipe and times; its last frame stands where it is shorter.

    A smaller clip is scaled up as players do, with black bars where its shape differs; no detail of a larger one is lost. It says
    that it is AI-made, like all others.
    """

    def frames() -> Iterator[NDArray[np.uint8]]:
        for place in range(shape.count):
            at = math.floor(round(place * clip.fps / shape.rate, 6))
            frame = fitted(clip.frames[min(at, len(clip.frames) - 1)], shape)
            yield (damaged(frame) if is_damaged else frame)[None]

    size = (shape.count, shape.height, shape.width, 3)
    return encode_clip(frames(), size, shape.rate, crf=CRF).content + xmp_box()


def fitted(frame: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """A frame (H, W, 3) as large as fits, in the middle of a black one."""
    import cv2

    height, width = frame.shape[:2]
    if (width, height) == (shape.width, shape.height):
        return frame
    scale = min(shape.width / width, shape.height / height)
    size = (round(width * scale), round(height * scale))
    scaled = frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_LANCZOS4)
    whole = np.zeros((shape.height, shape.width, 3), np.uint8)
    top, left = (shape.height - size[1]) // 2, (shape.width - size[0]) // 2
    whole[top : top + size[1], left : left + size[0]] = scaled
    return whole


def same_size(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """MP4 files by name, each with a ``free`` box at its end, so that all are equally large.

    What is in the box looks random and depends on the name: a clip under two names is not the same file.

    >>> [len(file) for file in same_size({"a": b"1234", "b": b"123456"}).values()]
    [30, 30]
    """
    size = max(map(len, files.values())) + FREE
    return {name: file + free_box(size - len(file), name) for name, file in files.items()}


def free_box(size: int, seed: str) -> bytes:
    """A box of ``size`` bytes, at least 8, that players skip (ISO 14496-12, 8.1.2)."""
    return struct.pack(">I4s", size, b"free") + random.Random(seed).randbytes(size - 8)


def stripped_jpeg(picture: Any) -> bytes:
    """A PIL picture as JPEG that holds nothing but its pixels: no EXIF, profile, comment or thumbnail."""
    from PIL import Image

    pixels = Image.fromarray(np.asarray(picture.convert("RGB")))
    buffer = io.BytesIO()
    pixels.save(buffer, format="JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


class Source(NamedTuple):
    """The clip behind a name of the study: the hash of its file, how to load it, and whether to damage it."""

    mark: str
    load: Callable[[], Clip]
    is_damaged: bool = False


def blind_sample(uses: Mapping[str, Source]) -> tuple[dict[str, bytes], Shape]:
    """All clips of a sample by their names, equally large, and their shape.

    One clip is in memory at a time. One that has several names is encoded once.
    """
    loads = {source.mark: source.load for source in uses.values()}
    shape = common_shape([look(load()) for load in loads.values()])
    encoded: dict[tuple[str, bool], bytes] = {}
    for mark, load, is_damaged in uses.values():
        if (mark, is_damaged) not in encoded:
            encoded[mark, is_damaged] = blinded(load(), shape, is_damaged)
    return same_size({n: encoded[s.mark, s.is_damaged] for n, s in uses.items()}), shape
