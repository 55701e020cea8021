"""From a picture file to what a person sees in it: upright, sRGB, on white where transparent, 8 bits a channel."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tpige_kedro.datasets.picture_files.bounds import check_size
from tpige_kedro.datasets.picture_files.colour import (
    ProfileIgnored,
    in_bands,
    lab_to_srgb,
    profile_to_srgb,
)
from tpige_kedro.datasets.picture_files.colour_codes import (
    coding_of_png,
    coding_of_points,
    coding_to_srgb,
)
from tpige_kedro.datasets.picture_files.formats import RESAVE, PictureProblem
from tpige_kedro.datasets.picture_files.opening import Opened, open_bytes, read_file
from tpige_kedro.datasets.picture_files.tiff_directory import orientation_of
from tpige_kedro.datasets.picture_files.values import (
    Depth,
    check_cut_values,
    is_wide,
    to_eight_bits,
)
from tpige_kedro.files.errors import DatasetError

if TYPE_CHECKING:
    from PIL.Image import Image

# Raise it when the pixels of any file change: hashes that were remembered are computed again
READING = 2
XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])")

logger = logging.getLogger(__name__)


class PictureError(DatasetError):
    """A picture that cannot be used: names the file, what is wrong and what to do."""


def load_reference(path: str | Path) -> Image:
    """The picture at ``path`` (PNG, JPEG, WebP, BMP, TIFF, AVIF, GIF, and HEIC with ``pillow-heif``), in RGB, as people see it.

    It is turned upright, its colours are sRGB, transparent parts are white, an animation gives its first frame. What a file holds
    decides how it is read, not its name; no other format is opened.

    Raises:
        PictureError: absent, not a picture, damaged, of a format that is not read, smaller than 16 pixels a side, larger than 80
            megapixels, or with values whose white level cannot be told.
    """
    path = Path(path)
    try:
        opened = open_bytes(read_file(path))
        if opened.frames:
            _say(f"reference {path}: it has several images; the first one is used")
        return _seen(opened, str(path))
    except PictureProblem as problem:
        raise PictureError(f"reference {path}: {problem}") from problem
    except Exception as error:  # decoders raise whatever their author thought of on damaged data
        what = f"{error}" or type(error).__name__
        raise PictureError(
            f"reference {path}: damaged or not a picture ({what}); {RESAVE}"
        ) from error


def as_reference(picture: Image, name: str = "picture") -> Image:
    """``picture`` turned upright (EXIF), in sRGB, on white where it is transparent, in RGB (from CMYK, grey, palette, 16 bit).

    Raises:
        PictureError: smaller than 16 pixels a side, larger than 80 megapixels, or with values whose white cannot be told.
    """
    try:
        check_size(*picture.size)
        return _seen(Opened(picture, Depth()), name)
    except PictureProblem as problem:
        raise PictureError(f"reference {name}: {problem}") from problem


def _seen(opened: Opened, name: str) -> Image:
    """The steps from decoded values to what people see."""
    picture = _upright(opened.picture)
    plain = not is_wide(picture)
    if plain:
        check_cut_values(picture, opened.depth)
        picture = _without_low_bits(picture, opened.depth)
    else:
        picture = to_eight_bits(picture, opened.depth)
    try:
        coloured = _in_srgb(picture, opened)
    except ProfileIgnored as ignored:
        _say(f"reference {name}: {ignored} is ignored; its colours are treated as sRGB")
        coloured = picture
    if not (plain and coloured is picture):
        _check_seen(coloured, opened.picture)
    made = _on_white(coloured)
    made.info = {}  # the profile and the orientation of the file hold no longer
    return made


def _upright(picture: Image) -> Image:
    """``picture`` as its EXIF data turns it; a TIFF has been turned by its decoder already."""
    from PIL.Image import Transpose

    picture.load()
    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def _orientation(picture: Image) -> int:
    if picture.format == "TIFF":
        return 0
    exif = picture.info.get("exif")
    legacy = picture.info.get("Raw profile type exif")  # ImageMagick's way before PNG had EXIF
    if exif is None and isinstance(legacy, str):
        try:
            exif = bytes.fromhex("".join(legacy.split("\n")[3:]))
        except ValueError:
            return 0
    stated = orientation_of(exif) if isinstance(exif, bytes) else 0
    if stated or picture.format in {"AVIF", "HEIF"}:  # which turn by boxes of their own only
        return stated
    xmp = picture.info.get("xmp", picture.info.get("XML:com.adobe.xmp", b""))
    found = XMP_ORIENTATION.search(xmp.encode() if isinstance(xmp, str) else xmp)
    return int(found[1]) if found else 0


def _without_low_bits(picture: Image, depth: Depth) -> Image:
    """``picture`` with its transparent colour in eight bits: Pillow leaves it at the depth of the file."""
    colour = picture.info.get("transparency")
    if depth.bits == 16 and isinstance(colour, tuple):
        picture.info["transparency"] = tuple(value >> 8 for value in colour)
    elif depth.bits in {2, 4} and picture.mode == "L" and isinstance(colour, int):
        picture.info["transparency"] = colour * 255 // (2**depth.bits - 1)
    return picture


def _in_srgb(picture: Image, opened: Opened) -> Image:
    """``picture`` in sRGB; the very same object if it is already."""
    info = opened.picture.info
    profile = info.get("icc_profile")
    png = opened.picture.format == "PNG"
    if picture.mode == "LAB":
        return lab_to_srgb(picture)
    if opened.cicp and (png or not profile):
        coding = coding_of_points(opened.cicp)
    elif profile:
        return _apart_from_alpha(picture, lambda base: profile_to_srgb(base, profile))
    elif png and (stated := coding_of_png({str(key): info[key] for key in info})):
        coding = stated
    else:
        return picture
    return _apart_from_alpha(picture, lambda base: coding_to_srgb(base, coding))


def _apart_from_alpha(picture: Image, convert: Callable[[Image], Image]) -> Image:
    """What ``convert`` makes of the colours of ``picture``, with its alpha; the very same object if nothing changes."""
    clear = _has_alpha(picture)
    whole = picture.convert("RGBA") if clear else picture
    base = whole
    if clear and picture.mode in {"1", "L", "LA"}:
        base = whole.getchannel("R")
    elif clear or picture.mode == "P":
        base = whole.convert("RGB")
    made = convert(base)
    if made is base:
        return picture
    if clear:
        made.putalpha(whole.getchannel("A"))
    return made


def _has_alpha(picture: Image) -> bool:
    return "A" in picture.getbands() or "transparency" in picture.info


def _on_white(picture: Image) -> Image:
    from PIL import Image

    def composite(band: Image.Image) -> Image.Image:
        white = Image.new("RGBA", band.size, "white")
        return Image.alpha_composite(white, band.convert("RGBA")).convert("RGB")

    return in_bands(picture, composite) if _has_alpha(picture) else picture.convert("RGB")


def _check_seen(made: Image, source: Image) -> None:
    """Raise ``PictureProblem`` if a picture with something in it came out in one colour."""
    import numpy as np

    if any(low != high for low, high in np.reshape(made.getextrema(), (-1, 2))):
        return
    given = np.asarray(source)
    if (given != given[:1, :1]).any():
        raise PictureProblem(
            f"its values from {given.min()} to {given.max()} all become one colour; {RESAVE}"
        )


@cache
def _say(note: str) -> None:
    """Log a line once: a picture is read in several stages."""
    logger.warning(note)
