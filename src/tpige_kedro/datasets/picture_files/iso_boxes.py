"""What the boxes of an AVIF or HEIC file say about its colours: Pillow gives embedded profiles only, not the short code."""

from __future__ import annotations

from collections.abc import Iterator

PATH = (b"meta", b"iprp", b"ipco", b"colr")  # where the properties of a picture are
MAX_BOXES = 10_000


def coded_colour(data: bytes) -> tuple[int, ...]:
    """Primaries and transfer (ITU-T H.273) of the first picture with a colour code; none without one.

    >>> coded_colour(b"")
    ()
    """
    for body in _inside(data, PATH):
        if body[:4] == b"nclx" and len(body) >= 8:
            return int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big")
    return ()


def _inside(data: bytes, path: tuple[bytes, ...]) -> Iterator[bytes]:
    for kind, body in _boxes(data):
        if kind != path[0]:
            continue
        if len(path) == 1:
            yield body
        else:  # the box meta begins with a version
            yield from _inside(body[4:] if kind == b"meta" else body, path[1:])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    for _ in range(MAX_BOXES):
        size, kind = (
            int.from_bytes(data[position : position + 4], "big"),
            data[position + 4 : position + 8],
        )
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        end = position + size if size else len(data)
        if len(kind) < 4 or end < position + head:
            return
        yield kind, data[position + head : end]
        position = end
