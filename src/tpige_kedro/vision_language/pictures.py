"""A photo as it is uploaded: small, and nothing in the file but its pixels."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITY = 90


def downscaled(picture: Image, max_side: int) -> Image:
    """A copy in RGB with at most ``max_side`` pixels a side, made of the pixels alone: no EXIF, no profile, no comments."""
    from PIL import Image

    plain = Image.frombytes("RGB", picture.size, picture.convert("RGB").tobytes())
    plain.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return plain


def jpeg(picture: Image, max_side: int) -> bytes:
    """The downscaled picture as a JPEG without metadata."""
    buffer = io.BytesIO()
    downscaled(picture, max_side).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def data_uri(picture: Image, max_side: int) -> str:
    """:func:`jpeg` as a data URI, the form in which chat completions take pictures."""
    return f"data:image/jpeg;base64,{b64encode(jpeg(picture, max_side)).decode()}"
