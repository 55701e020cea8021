"""From the colours of a file to sRGB, as a browser shows them: embedded ICC profiles and the short codes of PNG and AVIF."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from tpige_kedro.datasets.picture_files.values import BAND

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageCms import ImageCmsTransform

MAX_PROFILE = 16 * 2**20  # bytes
ALIKE = 3  # levels of 255: profiles that differ less from sRGB are sRGB, and their pixels stay as they are
MODES = {
    "RGB": "RGB",
    "GRAY": "L",
    "CMYK": "CMYK",
    "Lab": "LAB",
}  # of Pillow, by the profile's space
STEPS = 17  # colours a channel that are compared


class ProfileIgnored(ValueError):
    """A colour profile that cannot be used: the colours are taken for sRGB."""


def profile_to_srgb(picture: Image, profile: bytes) -> Image:
    """``picture`` (its alpha apart) in sRGB: mode RGB, or as it is if the profile is that of sRGB.

    Raises:
        ProfileIgnored: damaged, or for another kind of picture.
    """
    from PIL import ImageCms

    if len(profile) > MAX_PROFILE:
        raise ProfileIgnored(f"a colour profile of {len(profile) >> 20} MiB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        mode = _mode_for(picture, space)
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode in {"RGB", "L"} and _is_srgb(transform, mode):
            return picture
        given = picture if picture.mode == mode else picture.convert(mode)
        return in_bands(given, lambda band: ImageCms.applyTransform(band, transform))  # type: ignore[arg-type, return-value]  # None only in place
    except (OSError, TypeError, ImageCms.PyCMSError) as error:
        raise ProfileIgnored(f"a damaged colour profile ({error})") from error


def lab_to_srgb(picture: Image) -> Image:
    """A picture in CIE L*a*b* (D50) in sRGB."""
    from PIL import ImageCms

    transform = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    return in_bands(picture, lambda band: ImageCms.applyTransform(band, transform))  # type: ignore[arg-type, return-value]  # None only in place


def in_bands(picture: Image, convert: Callable[[Image], Image]) -> Image:
    """What ``convert`` makes of ``picture`` in RGB, some rows at a time: large pictures need no second copy in memory."""
    from PIL import Image

    made = Image.new("RGB", picture.size)
    rows = max(1, BAND // picture.width)
    for top in range(0, picture.height, rows):
        band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        made.paste(convert(band), (0, top))
    return made


def _mode_for(picture: Image, space: str) -> str:
    """The mode in which the profile takes the picture's values."""
    mode = MODES.get(space)
    grey, ink = picture.mode in {"1", "L"}, picture.mode == "CMYK"
    fits = {"RGB": not ink, "L": grey, "CMYK": ink, "LAB": picture.mode == "LAB"}
    if mode is None or not fits[mode] or (picture.mode == "LAB") != (mode == "LAB"):
        raise ProfileIgnored(f"a colour profile for {space} in a picture of mode {picture.mode}")
    return mode


def _is_srgb(transform: ImageCmsTransform, mode: str) -> bool:
    import numpy as np
    from PIL import Image, ImageCms

    levels = np.linspace(0, 255, STEPS).astype(np.uint8)
    if mode == "L":
        grid = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    else:
        colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(STEPS, -1, 3)
        grid = Image.fromarray(colours)
    seen = ImageCms.applyTransform(grid, transform)
    assert seen is not None
    given, made = (np.asarray(p.convert("RGB")).astype(int) for p in (grid, seen))
    return bool(np.abs(given - made).max() <= ALIKE)
