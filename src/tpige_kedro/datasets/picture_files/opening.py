"""Opening a picture file: read once, known by its content, bounded by its header, and only then handed to its one decoder."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tpige_kedro.datasets.picture_files.bounds import (
    MAX_BYTES,
    MAX_CODED,
    Chunks,
    check_bmp,
    check_jpeg,
    check_size,
    first_gif_frame,
    png_chunks,
    webp_size,
)
from tpige_kedro.datasets.picture_files.formats import (
    HEAD,
    HEIC_REMEDY,
    RESAVE,
    Format,
    PictureProblem,
    format_of,
)
from tpige_kedro.datasets.picture_files.iso_boxes import coded_colour
from tpige_kedro.datasets.picture_files.tiff_directory import (
    Directory,
    check_embedded_exif,
    check_tiff,
    describe_tiff,
)
from tpige_kedro.datasets.picture_files.values import Depth, png_depth, tiff_depth

if TYPE_CHECKING:
    from PIL.Image import Image

# Never wait for the other end of a pipe
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
CICP = 4  # numbers: primaries, transfer, matrix, range


class Opened(NamedTuple):
    """A picture whose pixels are not decoded yet, and what its file says that Pillow does not tell."""

    picture: Image
    depth: Depth
    cicp: tuple[int, ...] = ()  # primaries and transfer of ITU-T H.273, if stated
    frames: bool = False  # whether there are more than the first


def read_file(path: Path) -> bytes:
    """The bytes of a picture file.

    Raises:
        PictureProblem: absent, no file, not readable, or larger than half a gigabyte.
    """
    if path.is_dir():
        raise PictureProblem("a folder, not a picture; put the picture itself there")
    try:
        with os.fdopen(os.open(path, FLAGS), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise PictureProblem("a pipe or device, not a file; put a picture there")
            if state.st_size > MAX_BYTES:
                raise PictureProblem(f"a file of {state.st_size >> 20} MiB; {RESAVE}")
            # not MAX_BYTES: Python sets aside as much as is asked for
            return file.read(min(state.st_size + 1, MAX_BYTES))
    except OSError as error:
        raise PictureProblem(why_not_opened(path, error)) from error


def why_not_opened(path: Path, error: OSError) -> str:
    """Why a file cannot be opened, and what to do."""
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return f"a link to {os.readlink(path)}, which is not there; put the picture there"
        return "no such file; put the picture back or correct its name"
    return f"{error.strerror or error}; make the file readable"


def open_bytes(data: bytes) -> Opened:
    """The picture that ``data`` holds, its size checked, its pixels not decoded.

    Raises:
        PictureProblem: a format that is not opened, damaged, smaller than 16 pixels a side or larger than 80 megapixels.
    """
    kind = format_of(data[:HEAD])
    if kind == "PNG":
        return _open_png(data)
    if kind == "TIFF":
        check_tiff(data)
        picture = _opened(data, kind)
        return Opened(picture, tiff_depth(Directory(data)), frames=picture.is_animated)  # type: ignore[attr-defined]  # TIFF files have it
    if kind == "GIF":
        first, more = first_gif_frame(data)
        return Opened(_opened(first, kind), Depth(), frames=more)
    if kind == "JPEG":
        check_jpeg(data)
        return Opened(_opened(data, kind), Depth())
    if kind == "BMP":
        check_bmp(data)
    if kind == "WEBP":
        check_size(*webp_size(data))
    if kind in {"AVIF", "HEIF"}:
        check_embedded_exif(data)
    if kind == "HEIF":
        _add_heic()
    picture = _opened(data, kind)
    if kind in {"AVIF", "HEIF"}:
        check_size(*picture.size, MAX_CODED)
    frames = kind != "HEIF" and getattr(picture, "n_frames", 1) > 1
    cicp = coded_colour(data) if kind in {"AVIF", "HEIF"} else ()
    return Opened(picture, Depth(), cicp, frames)


def _open_png(data: bytes) -> Opened:
    chunks: Chunks = png_chunks(data)
    picture = _opened(data, "PNG")
    cicp = chunks.get(b"cICP", b"")
    stated = tuple(cicp[:2]) if len(cicp) == CICP else ()
    return Opened(picture, png_depth(chunks), stated, getattr(picture, "n_frames", 1) > 1)


def _opened(data: bytes, kind: Format) -> Image:
    """What the one decoder for this format makes of the header."""
    from PIL import Image, UnidentifiedImageError, features

    try:
        picture = Image.open(io.BytesIO(data), formats=[kind])
    except Image.DecompressionBombError as error:
        raise PictureProblem(f"{error}; scale it down to at most 4096 pixels a side") from error
    except UnidentifiedImageError as error:
        if kind == "AVIF" and not features.check("avif"):
            raise PictureProblem(f"this Pillow reads no AVIF; upgrade it or {RESAVE}") from error
        what = describe_tiff(data) if kind == "TIFF" else "damaged or of an unsupported kind"
        raise PictureProblem(
            f"damaged or not a picture that can be read ({kind}: {what}); {RESAVE}"
        ) from error
    except ValueError as error:
        if "Decompressed data too large" not in str(error):
            raise
        raise PictureProblem(
            f"its text or colour profile unpacks to more than a megabyte; {RESAVE}"
        ) from error
    check_size(*picture.size)
    return picture


def _add_heic() -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise PictureProblem(f"HEIC cannot be read: {HEIC_REMEDY}") from error
    register_heif_opener()
