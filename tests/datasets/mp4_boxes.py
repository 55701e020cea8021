"""Reads the outermost boxes of an MP4 by the book (ISO 14496-12), independently of what wrote them."""

from __future__ import annotations

import struct
from pathlib import Path


def boxes(file: Path) -> list[tuple[str, bytes]]:
    """Type and content of each box, in order; the sizes must fill the file exactly."""
    content, found, at = file.read_bytes(), [], 0
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        assert 8 <= size <= len(content) - at
        found.append((kind.decode(), content[at + 8 : at + size]))
        at += size
    return found
