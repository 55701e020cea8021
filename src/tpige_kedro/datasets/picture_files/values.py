"""From the values of a file to eight bits a channel, as people see them; refused by name if the white level would be a guess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from tpige_kedro.datasets.picture_files.formats import PictureProblem
from tpige_kedro.datasets.picture_files.tiff_directory import (
    BITS,
    PHOTOMETRIC,
    SAMPLE_FORMAT,
    Directory,
)

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

BAND = 4_000_000  # pixels that are worked on at once
REMEDY = "save it as 8-bit PNG"
MOST_VALUES = (281, 341)  # TIFF: the largest value that a sample may have
SLACK = 0.02  # of the white level: resampling overshoots by as much


class Depth(NamedTuple):
    """What a file says of its values: bits a channel, of those how many are used (0: not said), and whether 0 is white."""

    bits: int = 8
    used: int = 0
    white_is_zero: bool = False

    @property
    def quarter(self) -> float:
        """Below a quarter of the range, the file may well have fewer bits than it has room for."""
        return float(2 ** (self.used or min(self.bits, 16))) / 4


def png_depth(chunks: Mapping[bytes, bytes]) -> Depth:
    """The depth of a PNG, from its header and the chunk ``sBIT`` (significant bits)."""
    bits = chunks.get(b"IHDR", b"")[8:9]
    significant = min(chunks.get(b"sBIT", b"\0"), default=0)
    return Depth(bits[0] if bits else 8, significant if 8 < significant < 16 else 0)


def tiff_depth(tags: Directory) -> Depth:
    """The depth of a TIFF, from its tags; a largest value counts if it is that of whole bits."""
    bits = tags.number(BITS, 1)
    most = max(tags.number(tag) for tag in MOST_VALUES) + 1
    used = 0
    if bits not in {1, 2, 4, 8, 16, 32}:
        used = bits
    elif 2**9 <= most <= 2**16 and most.bit_count() == 1:
        used = most.bit_length() - 1
    elif bits == 16 and tags.number(SAMPLE_FORMAT, 1) == 2:
        used = 15
    return Depth(bits, used, tags.numbers(PHOTOMETRIC) == (0,))


def is_wide(picture: Image) -> bool:
    """Whether one value of the picture is more than a byte."""
    return picture.mode.startswith("I;16") or picture.mode in {"I", "F"}


def to_eight_bits(picture: Image, depth: Depth) -> Image:
    """A grey picture of wide values as 8-bit grey (with alpha, where one value is transparent).

    Raises:
        PictureProblem: values whose white level cannot be told.
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(picture)
    white, exact = _white(values, depth)
    grey = np.empty(values.shape, np.uint8)
    rows = max(1, BAND // picture.width)
    for top in range(0, picture.height, rows):
        part = values[top : top + rows].astype(np.float64) / white * 255
        grey[top : top + rows] = (part if exact else np.rint(part)).clip(0, 255).astype(np.uint8)
    seen = Image.fromarray(255 - grey if depth.white_is_zero else grey)
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
        seen = Image.merge("LA", (seen, Image.fromarray(alpha)))
    return seen


def check_cut_values(picture: Image, depth: Depth) -> None:
    """Raise ``PictureProblem`` if 16-bit colours, of which Pillow keeps the upper eight bits, fill less than a quarter.

    Pictures of 10 or 12 bits in 16 would come out black.
    """
    if depth.bits != 16 or picture.mode not in {"RGB", "RGBA", "L", "LA"}:
        return
    colours = picture.getextrema()[: 3 if picture.mode.startswith("RGB") else 1]
    pairs = [colours] if picture.mode == "L" else list(colours)
    top = max(int(pair[1]) for pair in pairs)  # type: ignore[index]  # pairs, as more than one band has
    if top < 64:
        raise PictureProblem(
            f"16-bit values up to about {top * 256 + 255} of 65535, which may be 10, 12 or 14 bits in 16; {REMEDY}"
        )


def _white(values: np.ndarray, depth: Depth) -> tuple[float, bool]:
    """The value of white, and whether it is one whose pictures have always been cut down to whole levels."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        return _white_of_floats(values, low, high)
    if low < 0 or high > 65535:
        raise PictureProblem(f"whole values from {low:.0f} to {high:.0f}; {REMEDY}")
    if depth.used and high < 2**depth.used and not (depth.used == 15 and high <= 255):
        if high < depth.quarter and depth.used == 15:
            raise _unclear(high, 32767)
        return 2**depth.used - 1, False
    if high <= 255:
        return 255.0, True
    if high < depth.quarter:
        raise _unclear(high, 65535)
    return 65535.0, True


def _unclear(high: float, white: int) -> PictureProblem:
    return PictureProblem(
        f"values up to {high:.0f} of {white}, which may be 10, 12 or 14 bits in 16; {REMEDY}"
    )


def _white_of_floats(values: np.ndarray, low: float, high: float) -> tuple[float, bool]:
    import numpy as np

    if not np.isfinite([low, high]).all():
        raise PictureProblem(f"float values that are not finite (NaN or infinite); {REMEDY}")
    bright = float(np.quantile(values[:: max(1, len(values) // 1000)], 0.95))
    for white in (1.0, 255.0, 65535.0):
        filled = white == 1 or (high > white / 4 and bright > white / 16)
        if -SLACK * white <= low and high <= (1 + SLACK) * white and filled:
            return white, white > 1
    raise PictureProblem(f"float values from {low:.4g} to {high:.4g}; {REMEDY}")
