"""What a file may be and hold before any decoder runs: only listed formats, and nothing that can hang or fill the memory."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import chunk, distance, png, portrait, tiff, write
from PIL import Image

from project import ROOT
from tpige_kedro.datasets.pictures import PictureError, load_reference

PIXELS = np.asarray(portrait())


def saved(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    portrait().save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.fixture
def quick() -> Iterator[None]:
    started = time.thread_time()
    yield
    assert time.thread_time() - started < 5, "refused by its header, not after decoding"


OTHERS = {
    "PostScript": [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", b"\xc5\xd0\xd3\xc6" + b"\0" * 28],
    "PDF": [b"%PDF-1.7\n"],
    "Photoshop": [b"8BPS\0\x01"],
    "SVG": [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xef\xbb\xbf<?xml version='1.0'?><svg/>"],
    "a web page": [b"<!DOCTYPE html><html>", b"\n <HTML><body>404"],
    "JPEG XL": [b"\xff\x0a\xfa\x7f", b"\0\0\0\x0cJXL \r\n\x87\n"],
    "JPEG 2000": [saved("JPEG2000")],
    "ICO": [saved("ICO")],
    "DDS": [saved("DDS")],
    "OpenEXR": [b"\x76\x2f\x31\x01\x02"],
    "video": [b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", b"\0\0\0\x14ftypqt  \0\0\0\0qt  "],
    "Matroska": [b"\x1a\x45\xdf\xa3\x01"],
    "AppleDouble": [b"\0\x05\x16\x07\0\x02\0\0Mac OS X        "],
    "Git LFS": [b"version https://git-lfs.github.com/spec/v1\n"],
    "ZIP": [b"PK\x03\x04\x14"],
    "camera raw": [b"II*\0\x10\0\0\0CR\x02\0", b"FUJIFILMCCD-RAW 0201", tiff(PIXELS, t50706=1), tiff(PIXELS, t254=1)],
    "an empty file": [b""],
    "first bytes are unknown": [b"\0" * 100, b"BM but text", saved("PPM"), saved("TGA"), saved("PCX"), saved("SGI")],
}  # fmt: skip
CONTENTS = [(name, data) for name, datas in OTHERS.items() for data in datas]


@pytest.mark.parametrize("suffix", ["png", "eps", "tif"])
@pytest.mark.parametrize(("name", "data"), CONTENTS, ids=[name for name, _ in CONTENTS])
def test_other_formats_are_named_and_reach_no_decoder(
    tmp_path: Path, name: str, data: bytes, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*_: object, **__: object) -> None:
        raise AssertionError("a decoder or a program was started")

    for place, what in ((Image, "open"), (subprocess, "Popen"), (os, "system")):
        monkeypatch.setattr(place, what, no)
    with pytest.raises(PictureError, match=rf"a\.{suffix}: .*{name}"):
        load_reference(write(tmp_path, f"a.{suffix}", data))


@pytest.mark.parametrize(
    "brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic", b"heix\0\0\0\0mif1heix"]
)
def test_heic_says_what_to_do_without_its_library(
    tmp_path: Path, brands: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    data = struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands
    with pytest.raises(
        PictureError,
        match=r'HEIC cannot be read: export as JPEG or pip install "tpige_kedro\[heic\]"',
    ):
        load_reference(write(tmp_path, "a.heic", data))


@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_heic_is_read_with_its_library(tmp_path: Path, orientation: int) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    from drawn_pictures import exif, stored

    heif.register_heif_opener()
    file = tmp_path / "a.png"
    stored(portrait(), orientation).save(file, "HEIF", quality=-1, exif=exif(orientation).tobytes())
    assert distance(load_reference(file), portrait()) <= 2
    write(tmp_path, "b.heic", file.read_bytes()[:200])
    with pytest.raises(PictureError, match=r"b\.heic: damaged"):
        load_reference(tmp_path / "b.heic")


# --- sizes ----------------------------------------------------------------------------------------------------------------------


def webp(kind: bytes, body: bytes) -> bytes:
    inner = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def head_of(  # noqa: PLR0911
    kind: str, width: int, height: int
) -> bytes:
    """A file whose header says this size, and that holds next to nothing."""
    if kind == "png":
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
        )
    if kind == "bmp":
        return b"BM" + struct.pack(
            "<IIIIiiHHIIiiII", 100, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0
        )
    if kind == "gif":
        frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0;"
        return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0" * 6 + frame
    if kind == "tif":
        return tiff(PIXELS, t256=width, t257=height)
    if kind == "jpg":
        data = saved("JPEG")
        at = data.index(b"\xff\xc0") + 5
        return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    if kind == "webp":
        return webp(b"VP8X", b"\0" * 4 + sizes)
    if kind == "webp, lossless":
        return webp(
            b"VP8L", b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little") + b"\0" * 20
        )
    assert kind == "webp, lossy"
    return webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"\0" * 20)


KINDS = ["png", "bmp", "gif", "tif", "jpg", "webp", "webp, lossless", "webp, lossy"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_checked_before_pixels_are_decoded(tmp_path: Path, kind: str) -> None:
    for width, height in ((16_000, 16_000), (9_000, 9_000)):
        with pytest.raises(PictureError, match=r"pixels.*scale it down"):
            load_reference(write(tmp_path, "a.png", head_of(kind, width, height)))
    with pytest.raises(PictureError, match="40x9 pixels; a face needs"):
        load_reference(write(tmp_path, "a.png", head_of(kind, 40, 9)))


@pytest.mark.usefixtures("quick")
def test_the_size_of_an_avif(tmp_path: Path) -> None:
    data = saved("AVIF")
    at = data.index(b"ispe") + 8
    huge = data[:at] + struct.pack(">II", 9000, 6000) + data[at + 8 :]
    with pytest.raises(PictureError, match="9000x6000 pixels; scale it down"):
        load_reference(write(tmp_path, "a.png", huge))


@pytest.mark.parametrize("kind", ["png", "bmp", "tif"])
def test_a_long_thin_picture_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(PictureError, match="4000000x16 pixels; scale it down"):
        load_reference(write(tmp_path, "a.png", head_of(kind, 4_000_000, 16)))


# --- traps ----------------------------------------------------------------------------------------------------------------------


def gif_with(extension: bytes) -> bytes:
    data = saved("GIF")
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:at] + extension + data[at:]


def exif_trap(tags: int) -> bytes:
    """EXIF data whose tags all point to the same 50,000 bytes."""
    entries = b"".join(struct.pack("<HHII", 40_000 + i, 7, 50_000, 8) for i in range(tags))
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", tags) + entries + b"\0" * 50_000


def tiff_with(tags: int, length: int) -> bytes:
    """A TIFF with this many tags that all point to the same ``length`` bytes."""
    plain = tiff(PIXELS)
    start = struct.unpack("<I", plain[4:8])[0]
    known = plain[start + 2 : -4]
    more = b"".join(struct.pack("<HHII", 1_000 + i, 7, length, 8) for i in range(tags))
    count = len(known) // 12 + tags
    return plain[:start] + struct.pack("<H", count) + known + more + b"\0" * (4 + length)


def progressive(scans: int) -> bytes:
    data = saved("JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * scans + data[-2:]


TRAPS = {
    "JPEG of thousands of scans": (lambda: progressive(3000), "scans"),
    "JPEG of empty segments": (lambda: b"\xff\xd8" + b"\xff\xe5\0\2" * 2_000_000 + saved("JPEG")[2:], "parts"),
    "JPEG with tags over tags": (lambda: saved("JPEG", exif=exif_trap(1000)), "tags hold more"),
    "AVIF with tags over tags": (lambda: saved("AVIF", exif=exif_trap(1000)), "tags hold more"),
    "TIFF of JPEG of thousands of scans": (
        lambda: saved("TIFF", compression="jpeg") + b"\xff\xda" * 3000,
        "scans",
    ),
    "PNG of empty chunks": (lambda: png(PIXELS, 8, 2, *[(b"abCd", b"")] * 300_000), "parts"),
    "PNG with text that unpacks": (
        lambda: png(PIXELS, 8, 2, (b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 20_000_000, 9))),
        "unpacks to more",
    ),
    "PNG with a profile that unpacks": (
        lambda: png(PIXELS, 8, 2, (b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 20_000_000, 9))),
        "unpacks to more",
    ),
    "GIF of comments": (lambda: gif_with(b"!\xfe" + (b"\xff" + b"c" * 255) * 100_000 + b"\0"), "comments"),
    "GIF of tiny blocks": (lambda: gif_with(b"!\xfe" + b"\1c" * 5_000_000 + b"\0"), "parts|comments"),
    "BMP in RLE4": (lambda: head_of("bmp", 8000, 8000)[:28] + b"\4\0\2\0\0\0" + b"\0" * 17_000_000, "RLE4"),
    "TIFF with tags over tags": (lambda: tiff_with(3000, 400_000), "tags hold more"),
    "TIFF of 60000 tags": (lambda: tiff_with(60_000, 10), "tags, at most"),
    "TIFF with one large tile": (lambda: tiff(PIXELS, t322=60_000, t323=60_000, t324=8, t325=100), "tiles of"),
    "TIFF with a strip beyond the file": (lambda: tiff(PIXELS, t273=2**32 - 9, t279=2**32 - 1), "damaged"),
    "TIFF whose tags point to themselves": (lambda: b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x69\x87\4\0\1\0\0\0\x08\0\0\0", "damaged"),
}  # fmt: skip


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", TRAPS)
def test_traps_are_refused_at_once(tmp_path: Path, name: str) -> None:
    make, message = TRAPS[name]
    file = write(tmp_path, "a.png", make())
    with pytest.raises(PictureError, match=rf"a\.png: .*({message})"):
        load_reference(file)


def test_usual_photos_are_no_traps(tmp_path: Path) -> None:
    for data in (
        saved("JPEG", progressive=True),
        saved("JPEG", exif=exif_trap(2)),
        progressive(20),
        tiff_with(20, 5000),
    ):
        assert load_reference(write(tmp_path, "a.png", data)).size == (48, 32)
    assert load_reference(write(tmp_path, "a.png", gif_with(b"!\xfe\3abc\0"))).size == (48, 32)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_damage_anywhere_is_a_picture_or_an_error_that_names_the_file(
    tmp_path: Path, kind: str
) -> None:
    whole = saved(kind)
    rng = np.random.default_rng(7)
    for i in range(60):
        data = bytearray(whole[: len(whole) if i % 2 else rng.integers(1, len(whole))])
        for at in rng.integers(0, len(data), 1 + i % 5):
            data[at] = rng.integers(0, 256)
        try:
            assert load_reference(write(tmp_path, "a.png", bytes(data))).mode == "RGB"
        except PictureError as error:
            assert "a.png: " in str(error) and "\n" not in str(error)


# --- what is no file ------------------------------------------------------------------------------------------------------------


def test_what_is_no_file_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    found: dict[str, str] = {}

    def read() -> None:
        for name in ("folder", "link", "pipe", "none"):
            with pytest.raises(PictureError) as caught:
                load_reference(tmp_path / f"{name}.png")
            found[name] = str(caught.value)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(20)
    assert not reading.is_alive(), "it waits for a pipe"
    assert "folder.png: a folder, not a picture" in found["folder"]
    assert re.search(r"link\.png: a link to .*gone\.png, which is not there", found["link"])
    assert "pipe.png: a pipe or device" in found["pipe"] and "no such file" in found["none"]


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.png", saved("PNG"))

    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refused)
        with pytest.raises(
            PictureError, match=r"a\.png: Permission denied; make the file readable"
        ):
            load_reference(tmp_path / "a.png")


def test_nothing_in_the_source_opens_pictures_of_any_format() -> None:
    """``Image.open`` without ``formats`` tries every plugin of Pillow, also those that start programs."""
    opening = re.compile(r"Image\.open\((?:[^()]|\([^()]*\))*\)")
    calls = [
        f"{file.name}: {call}"
        for file in (ROOT / "src").rglob("*.py")
        for call in opening.findall(file.read_text(encoding="utf-8"))
    ]
    assert len(calls) >= 2 and not [call for call in calls if "formats=" not in call]
