"""How a player shows a stored frame: cropped, stretched to square pixels, turned or mirrored, in this order."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.errors import ClipError

Pixels = NDArray[np.uint8]  # (H, W, 3)
SLANT = 0.01  # of a matrix: the sine of half a degree; more than that is seen
SQUARE = Fraction(1, 100)  # pixels this near to square are taken for square, as FFmpeg does
UPRIGHT = (1, 0, 0, 1)


@dataclass(frozen=True)
class Crop:
    """How many stored pixels are cut off at each side: ``clap`` in MP4 and MOV, PixelCrop in Matroska."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def of(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) that is left. Raises :class:`ClipError` if nothing is."""
        size = width - self.left - self.right, height - self.top - self.bottom
        if min(size) < 1 or min(self.left, self.top, self.right, self.bottom) < 0:
            problem = f"its header cuts frames of {width}x{height} to {size[0]}x{size[1]}"
            raise ClipError(problem, "encode it again")
        return size

    def cut(self, pixels: Pixels) -> Pixels:
        """The visible part of a frame."""
        width, height = self.of(pixels.shape[1], pixels.shape[0])
        return pixels[self.top : self.top + height, self.left : self.left + width]


UNCROPPED = Crop()


def shown_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """The (width, height) in square pixels of a frame whose pixels have the ``aspect`` width / height; one side grows, none shrinks.

    >>> (
    ...     shown_size(720, 576, Fraction(16, 15)),
    ...     shown_size(96, 96, Fraction(1, 2)),
    ...     shown_size(64, 48, None),
    ... )
    ((768, 576), (96, 192), (64, 48))
    """
    if not aspect or aspect < 0 or abs(aspect - 1) <= SQUARE:
        return width, height
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def stretch(pixels: Pixels, aspect: Fraction | None) -> Pixels:
    """The frame in square pixels."""
    height, width = pixels.shape[:2]
    size = shown_size(width, height, aspect)
    if size == (width, height):
        return pixels
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC))


def signs(matrix: bytes | None) -> tuple[int, int, int, int]:
    """The turn in a display matrix (nine int32 as FFmpeg gives them): ``x' = a x + c y``, ``y' = b x + d y`` with a, b, c, d of -1, 0, 1.

    Raises:
        ClipError: it shows the frames slanted.

    >>> quarter_turn = struct.pack("=9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    >>> signs(quarter_turn), signs(None)
    ((0, 1, -1, 0), (1, 0, 0, 1))
    """
    if matrix is None or len(matrix) != struct.calcsize("=9i"):
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    straight, turned = min(abs(a), abs(d)), min(abs(b), abs(c))
    if not straight and not turned:
        return UPRIGHT  # players ignore a matrix that shows nothing
    if max(abs(b), abs(c)) <= SLANT * straight:
        return (1 if a > 0 else -1, 0, 0, 1 if d > 0 else -1)
    if max(abs(a), abs(d)) <= SLANT * turned:
        return (0, 1 if b > 0 else -1, 1 if c > 0 else -1, 0)
    degrees = np.degrees(np.arctan2(b, a))
    problem = f"players show it slanted (turned by {degrees:.0f} degrees)"
    raise ClipError(problem, "encode it again so that its frames are upright")


def orient(pixels: Pixels, turn: tuple[int, int, int, int]) -> Pixels:
    """The frame turned and mirrored by the matrix of :func:`signs`."""
    a, b, c, d = turn
    if a:
        return pixels[::d, ::a]
    return pixels.swapaxes(0, 1)[::b, ::c]
