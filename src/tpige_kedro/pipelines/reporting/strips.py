"""Strips: evenly spaced frames of a clip side by side, the one picture that sheets and pages are made of."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence

from PIL import Image

VERSION = 1  # raise it when strips come out differently: they are then cut again
STRIP_HEIGHT = 240  # pixels at most; smaller clips keep their size


def scaled_to_height(picture: Image.Image, height: int) -> Image.Image:
    """``picture`` at this height, its shape kept."""
    if picture.height == height:
        return picture
    width = max(1, round(picture.width * height / picture.height))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def side_by_side(
    pictures: Sequence[Image.Image], gap: int = 0, colour: str = "white"
) -> Image.Image:
    """Pictures of one height in a row."""
    width = sum(p.width for p in pictures) + gap * (len(pictures) - 1)
    row = Image.new("RGB", (width, max(p.height for p in pictures)), colour)
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width + gap
    return row


def make_strip(frames: Sequence[Image.Image]) -> Image.Image:
    """The frames in a row, at most 240 pixels high."""
    height = min(STRIP_HEIGHT, frames[0].height)
    return side_by_side([scaled_to_height(frame.convert("RGB"), height) for frame in frames])


def split_strip(strip: Image.Image, count: int) -> list[Image.Image]:
    """The ``count`` frames that a strip was made of."""
    width = strip.width // count
    return [strip.crop((i * width, 0, (i + 1) * width, strip.height)) for i in range(count)]


def data_uri(picture: Image.Image, height: int) -> str:
    """``picture``, at most ``height`` pixels high, as a JPEG that an HTML page can carry inside."""
    buffer = io.BytesIO()
    fitting = scaled_to_height(picture.convert("RGB"), min(height, picture.height))
    fitting.save(buffer, format="JPEG", quality=88, subsampling=0)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode()}"
