"""What identifies a picture in fingerprints and records."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


def picture_hash(picture: Image) -> str:
    """A hash of a picture's mode, size and pixels; the file's name, format and metadata do not matter."""
    header = f"{picture.mode}{picture.size}".encode()
    return hashlib.sha256(header + picture.tobytes()).hexdigest()[:32]
