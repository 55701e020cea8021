"""Strips of pictures as Kedro-Viz shows them."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview
    from PIL.Image import Image

STRIP_FRAMES = 4
STRIP_HEIGHT = 128


def strip_of(pictures: list[Image]) -> ImagePreview:
    """Pictures side by side at one height, as base64 PNG."""
    from PIL import Image

    sized = [
        p.convert("RGB").resize((max(1, round(p.width * STRIP_HEIGHT / p.height)), STRIP_HEIGHT))
        for p in pictures
    ]
    strip = Image.new("RGB", (sum(p.width for p in sized), STRIP_HEIGHT))
    left = 0
    for picture in sized:
        strip.paste(picture, (left, 0))
        left += picture.width
    buffer = io.BytesIO()
    strip.save(buffer, format="PNG")
    return cast("ImagePreview", b64encode(buffer.getvalue()).decode())
