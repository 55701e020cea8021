"""The list of tags of a TIFF file or of EXIF data, read without trusting what it says.

A tag points to its value anywhere in the file, and Pillow reads all of them at once: thousands that point to the same large area
would fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from tpige_kedro.datasets.picture_files.formats import RESAVE, PictureProblem

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
BYTES = frozenset({1, 2, 6, 7})  # types whose values stay bytes
ORIENTATION, DNG_VERSION, SUBFILE = 0x0112, 50706, 254
BITS, SAMPLE_FORMAT, SAMPLES, PHOTOMETRIC = 258, 339, 277, 262
TILES = (322, 323)  # width and length
SUB_DIRECTORIES = frozenset({0x8769, 0x8825, 0x927C, 0xA005})  # EXIF, GPS, maker, interoperability
MAX_TAGS, MAX_VALUES, MAX_TILE, MAX_EXIF = 4096, 1_000_000, 80_000_000, 100
EXIF_START = re.compile(rb"II\*\0|MM\0\*")
MAX_SCANS = 200  # of a progressive JPEG; usual are 10
COMPRESSION, JPEG_CODES = 259, frozenset({6, 7})
PARTS = frozenset({273, 324})  # where the strips or tiles are
KINDS = {1: "unsigned", 2: "signed", 3: "float"}


class Entry(NamedTuple):
    """One tag: its number, the type and number of its values, and where they are."""

    tag: int
    type: int
    length: int
    start: int


class Directory:
    """The first list of tags in ``data`` (or that at ``offset``): at most 4096 of them; none in data that is damaged."""

    def __init__(self, data: bytes | memoryview, offset: int | None = None) -> None:
        self._data = data
        self._order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
        self._big = self._number(2, 2) == 43
        first = self._number(8, 8) if self._big else self._number(4, 4)
        self.count = 0  # of tags that it holds, also of those that are too many to read
        self.entries = list(self._entries(first if offset is None else offset))
        self.values = sum(min(self._bytes(e), len(data)) for e in self.entries)

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The first whole numbers of a tag, at most 16; none if it is absent or holds other values."""
        for entry in self.entries:
            if entry.tag == tag and entry.type in {1, 3, 4, 16}:
                size = SIZES[entry.type]
                return tuple(
                    self._number(entry.start + i * size, size) for i in range(min(entry.length, 16))
                )
        return ()

    def number(self, tag: int, absent: int = 0) -> int:
        """The first number of a tag."""
        return next(iter(self.numbers(tag)), absent)

    def check(self) -> None:
        """Raise ``PictureProblem`` if reading all values takes far more than the file holds."""
        pointed = [self.number(e.tag) for e in self.entries if e.tag in SUB_DIRECTORIES]
        inner = sum(Directory(self._data, offset).values for offset in pointed if offset)
        if self.count > MAX_TAGS:
            raise PictureProblem(f"{self.count} tags, at most {MAX_TAGS} are read; {RESAVE}")
        many = any(e.length > MAX_VALUES and e.type not in BYTES for e in self.entries)
        if many or self.values + inner > 4 * len(self._data) + 2**20:
            raise PictureProblem(f"its tags hold more than the file can; {RESAVE}")

    def _entries(self, offset: int) -> Iterator[Entry]:
        width, step, inline = (8, 20, 8) if self._big else (2, 12, 4)
        first = offset + width
        room = max(0, len(self._data) - first) // step
        self.count = min(self._number(offset, width), room)
        for at in range(first, first + min(self.count, MAX_TAGS) * step, step):
            entry = Entry(
                self._number(at, 2), self._number(at + 2, 2), self._number(at + 4, inline), 0
            )
            here = at + 4 + inline
            inside = self._bytes(entry) <= inline
            yield entry._replace(start=here if inside else self._number(here, inline))

    @staticmethod
    def _bytes(entry: Entry) -> int:
        return SIZES.get(entry.type, 0) * entry.length

    def _number(self, start: int, size: int) -> int:
        part = self._data[start : start + size]
        return int.from_bytes(part, self._order) if len(part) == size else 0


def check_exif(exif: bytes) -> None:
    """Raise ``PictureProblem`` for EXIF data that is a trap."""
    Directory(exif.removeprefix(b"Exif\0\0")).check()


def check_embedded_exif(data: bytes) -> None:
    """Raise ``PictureProblem`` for a file with a trap anywhere in it that looks like EXIF data.

    Decoders of AVIF and HEIC read it while they open a file, and where it stands takes a whole parser to find out.
    """
    for count, found in enumerate(EXIF_START.finditer(data)):
        if count > MAX_EXIF:
            raise PictureProblem(f"more than {MAX_EXIF} blocks of EXIF data; {RESAVE}")
        Directory(memoryview(data)[found.start() :]).check()


def check_tiff(data: bytes) -> None:
    """Raise ``PictureProblem`` for a TIFF that is a trap, or that holds a camera's raw data beside a small preview."""
    directory = Directory(data)
    directory.check()
    if directory.number(DNG_VERSION) or directory.number(SUBFILE) & 1:
        raise PictureProblem(
            f"camera raw, of which only a small preview could be read; develop it and {RESAVE}"
        )
    if directory.number(COMPRESSION) in JPEG_CODES:
        parts = sum(e.length for e in directory.entries if e.tag in PARTS)
        check_scans(data, parts)
    width, length = (directory.number(tag, 1) for tag in TILES)
    if width * length > MAX_TILE:
        raise PictureProblem(f"tiles of {width}x{length} pixels; {RESAVE}")


def check_scans(data: bytes, parts: int = 1) -> None:
    """Raise ``PictureProblem`` if JPEG data has so many scans, each of which goes over all pixels, that it takes minutes."""
    scans = data.count(b"\xff\xda")
    if scans > MAX_SCANS + 4 * parts:
        raise PictureProblem(f"JPEG data of {scans} scans, at most {MAX_SCANS} are read; {RESAVE}")


def describe_tiff(data: bytes) -> str:
    """The kind of a TIFF in words: ``3 channels of 32-bit float``."""
    directory = Directory(data)
    kind = KINDS.get(directory.number(SAMPLE_FORMAT, 1), "unusual")
    channels, bits = directory.number(SAMPLES, 1), directory.number(BITS, 1)
    return f"{channels} channel{'s' * (channels > 1)} of {bits}-bit {kind}"


def orientation_of(exif: bytes) -> int:
    """How a picture lies, 1 (upright) to 8, by its EXIF data; 0 where it does not say, or where the data is damaged."""
    exif = exif.removeprefix(b"Exif\0\0")
    if exif[:2] not in {b"II", b"MM"}:
        return 0
    value = Directory(exif).number(ORIENTATION)
    return value if 1 <= value <= 8 else 0
