"""Limits on what a file says about itself, checked before any decoder runs, so that no decoder can hang or fill the memory."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tpige_kedro.datasets.picture_files.formats import RESAVE, PictureProblem
from tpige_kedro.datasets.picture_files.tiff_directory import check_exif, check_scans

MIN_SIDE = 16  # pixels: no face can be recognised below
MAX_SIDE = 65_535  # what JPEG can hold; some decoders keep many rows at once
MAX_PIXELS = 80_000_000  # decompression bombs
MAX_CODED = (
    50_000_000  # pixels of AVIF and HEIC, whose decoders keep several copies: phones make 48
)
MAX_BYTES = 512 * 2**20  # 80 megapixels of three 16-bit channels
MAX_PARTS = 200_000  # chunks, segments or blocks of a file; a large photo has some ten thousand
MAX_COMMENT = 2**20  # bytes before the first picture of a GIF
MAX_RLE4 = 16 * 2**20  # bytes
RLE4 = (2).to_bytes(4, "little")

Chunks = dict[bytes, bytes]


def check_size(width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Raise ``PictureProblem`` if a picture is too small for a face or too large to decode."""
    if min(width, height) < MIN_SIDE:
        raise PictureProblem(f"{width}x{height} pixels; a face needs at least {MIN_SIDE} a side")
    if width * height > most or max(width, height) > MAX_SIDE:
        raise PictureProblem(f"{width}x{height} pixels; scale it down to at most 4096 a side")


def png_chunks(data: bytes) -> Chunks:
    """The first chunk of each kind that stands before the pixels of a PNG; raise ``PictureProblem`` for too many chunks."""
    found: Chunks = {}
    position, count, pixels = 8, 0, False
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        pixels |= kind == b"IDAT"
        if not pixels and kind not in found and length <= MAX_COMMENT:
            found[kind] = data[position + 8 : position + 8 + length]
        position, count = position + 12 + length, count + 1
        _check_parts(count)
    return found


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker and content of the segments before the first scan of a JPEG; raise ``PictureProblem`` for too many."""
    position, count = 2, 0
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill bytes
            position += 1
        elif marker == 0xDA:
            return
        else:
            length = int.from_bytes(data[position + 2 : position + 4], "big")
            yield marker, data[position + 4 : position + 2 + length]
            position += 2 + max(length, 2)
        count += 1
        _check_parts(count)


def check_jpeg(data: bytes) -> None:
    """Raise ``PictureProblem`` for a JPEG whose scans would take minutes, or whose EXIF data is a trap."""
    exif = [body for marker, body in jpeg_segments(data) if marker == 0xE1 and body[:4] == b"Exif"]
    check_exif(b"".join([*exif[:1], *(body[6:] for body in exif[1:])]))  # as Pillow joins them
    check_scans(data)


def check_bmp(data: bytes) -> None:
    """Raise ``PictureProblem`` for a large BMP in the one coding that Pillow decodes in Python, pixel by pixel."""
    if data[30:34] == RLE4 and len(data) > MAX_RLE4:
        raise PictureProblem(f"a BMP of {len(data) >> 20} MiB in RLE4; {RESAVE}")


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of a WebP: its decoder reserves memory for all pixels as soon as it opens a file."""
    kind, body = data[12:16], data[20:34]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
    return width, height


def first_gif_frame(data: bytes) -> tuple[bytes, bool]:
    """A GIF of the first picture alone, and whether there are more; raise ``PictureProblem`` for endless comments."""
    position = 13 + _colour_table(data[10:11])
    count = 0
    while data[position : position + 1] == b"!":  # an extension: comment, control, application
        position, more = _after_blocks(data, position + 2)
        count += more
        _check_parts(count)
    if position > MAX_COMMENT:
        raise PictureProblem(f"more than a megabyte of comments in a GIF; {RESAVE}")
    end = position + 10
    end, _ = _after_blocks(data, end + _colour_table(data[end - 1 : end]) + 1)
    rest = data[end : end + 1]
    return data[:end] + b";", rest in {b"!", b","} and re.search(rb",", data[end:]) is not None


def _colour_table(flags: bytes) -> int:
    """The bytes of the colour table that follows these flags."""
    flag = flags[0] if flags else 0
    return 3 * 2 ** ((flag & 7) + 1) if flag & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> tuple[int, int]:
    count = 0
    while position < len(data) and data[position]:
        position, count = position + 1 + data[position], count + 1
        if count > 5 * MAX_PARTS:
            _check_parts(count)
    return position + 1, count


def _check_parts(count: int) -> None:
    if count > MAX_PARTS:
        raise PictureProblem(f"the file is cut into more than {MAX_PARTS} parts; {RESAVE}")
