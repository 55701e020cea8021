"""What a container says about its clip and FFmpeg does not expose: how frames are cropped, and how long the file should be."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from tpige_kedro.datasets.clip_files.display import Crop

LARGEST_INDEX = 64 << 20  # bytes of a header that are read; 1,000 times what clips need
VISUAL_ENTRY = 78  # bytes of a VisualSampleEntry before its boxes (ISO 14496-12)
EBML, SEGMENT, TRACKS, TRACK, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0x1F43B675
VIDEO, SIDES = 0xE0, {0x54CC: 0, 0x54BB: 1, 0x54DD: 2, 0x54AA: 3}
UNKNOWN = -1  # the size of a Segment that was written live

Part = tuple[int, bytes]


def crops_of(file: BinaryIO) -> dict[int, Crop]:
    """How the frames of each track are cropped, by the track's id in MP4 and MOV, by its place in Matroska; empty for others."""
    file.seek(0)
    head = file.read(12)
    try:
        if head[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"}:
            return dict(_of_mp4(file))
        return dict(_of_matroska(file)) if head[:4] == EBML.to_bytes(4) else {}
    except (struct.error, IndexError, ZeroDivisionError):
        return {}  # a header that cannot be read: decoding says so


def missing_bytes(file: BinaryIO, size: int) -> int:
    """How many bytes an AVI or Matroska file lacks by its own header; 0 where it does not say."""
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"AVI ":
        return max(0, int(struct.unpack("<I", head[4:8])[0]) + 8 - size)
    if head[:4] != EBML.to_bytes(4):
        return 0
    try:
        segment = _segment(file)
    except IndexError:
        return 0
    return 0 if segment == UNKNOWN else max(0, file.tell() + segment - size)


def _of_mp4(file: BinaryIO) -> Iterator[tuple[int, Crop]]:
    for track in (body for kind, body in _boxes(_moov(file)) if kind == b"trak"):
        header = _inside(track, b"tkhd")
        number = struct.unpack(">I", header[20:24] if header[:1] == b"\1" else header[12:16])[0]
        entries = _inside(track, b"mdia", b"minf", b"stbl", b"stsd")[8:]
        for _, entry in _boxes(entries):
            for kind, box in _boxes(entry[VISUAL_ENTRY:]):
                if kind == b"clap":
                    yield number, _clean_aperture(box, *struct.unpack(">HH", entry[24:28]))


def _clean_aperture(box: bytes, width: int, height: int) -> Crop:
    """Size and offset from the middle as four fractions (ISO 14496-12, 12.1.4)."""
    values = struct.unpack(">IIIIiIiI", box[:32])
    wide, high, right, down = (n / d for n, d in zip(values[::2], values[1::2], strict=True))
    left, top = round((width - wide) / 2 + right), round((height - high) / 2 + down)
    return Crop(left, top, width - left - round(wide), height - top - round(high))


def _moov(file: BinaryIO) -> bytes:
    at = 0
    while True:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return b""
        size, kind, start = int.from_bytes(head[:4]), head[4:8], 8
        if size == 1:
            size, start = int.from_bytes(head[8:16]), 16
        if kind == b"moov":
            file.seek(at + start)
            return file.read(min(max(0, size - start), LARGEST_INDEX))
        if size < start:
            return b""
        at += size


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _inside(data: bytes, *path: bytes) -> bytes:
    for wanted in path:
        data = next((body for kind, body in _boxes(data) if kind == wanted), b"")
    return data


def _of_matroska(file: BinaryIO) -> Iterator[tuple[int, Crop]]:
    file.seek(0)
    if _segment(file) == 0:
        return
    while True:
        kind, size = _number(file, keep_marker=True), _number(file)
        if kind == CLUSTER or size == UNKNOWN:
            return
        if kind == TRACKS:
            break
        file.seek(size, 1)
    for place, (_, track) in enumerate(_elements(file.read(min(size, LARGEST_INDEX)), TRACK)):
        sides = [0, 0, 0, 0]
        for kind, value in (e for _, video in _elements(track, VIDEO) for e in _elements(video)):
            if kind in SIDES:
                sides[SIDES[kind]] = int.from_bytes(value)
        if any(sides):
            yield place, Crop(*sides)


def _segment(file: BinaryIO) -> int:
    """The size of the Segment that follows the EBML header; the file stands at its content afterwards."""
    file.seek(4)
    file.seek(max(0, _number(file)), 1)
    return _number(file) if _number(file, keep_marker=True) == SEGMENT else UNKNOWN


def _elements(data: bytes, wanted: int | None = None) -> Iterator[Part]:
    import io

    stream = io.BytesIO(data)
    while stream.tell() < len(data):
        kind, size = _number(stream, keep_marker=True), _number(stream)
        body = stream.read(max(0, size))
        if wanted in {None, kind}:
            yield kind, body


def _number(file: BinaryIO, keep_marker: bool = False) -> int:
    """An EBML number of variable length; ``UNKNOWN`` if all its bits are set. Raises IndexError at the end of the file."""
    first = file.read(1)[0]
    length = 9 - first.bit_length()
    if length > 8:
        raise IndexError("not an EBML number")
    value = first if keep_marker else first & (0xFF >> length)
    for byte in file.read(length - 1):
        value = value << 8 | byte
    return UNKNOWN if not keep_marker and value == (1 << 7 * length) - 1 else value
