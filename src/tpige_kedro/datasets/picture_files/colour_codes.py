"""Colours that a file states in a few numbers: gamma and chromaticities of PNG, code points (ITU-T H.273) of PNG and AVIF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tpige_kedro.datasets.picture_files.colour import ProfileIgnored, in_bands
from tpige_kedro.datasets.picture_files.formats import RESAVE, PictureProblem

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

Chromaticities = tuple[float, ...]  # x and y of white, red, green and blue

SRGB: Chromaticities = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB,
    2: SRGB,  # not stated
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}  # by transfer code
LIKE_SRGB = frozenset({1, 2, 6, 13, 14, 15})  # shown as sRGB by browsers
HDR = {16: "PQ", 18: "HLG"}
NEAR = 0.01  # chromaticities that differ less are the same
NEAR_GAMMA = 0.05  # of 2.2, which stands for sRGB in PNG
LEVELS = 4096  # steps of the table that encodes linear light
BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


class Coding(NamedTuple):
    """What RGB values mean: chromaticities, and the exponent to linear light (``None``: the curve of sRGB)."""

    primaries: Chromaticities
    gamma: float | None


def coding_of_points(points: tuple[int, ...]) -> Coding:
    """The coding of the code points (primaries, transfer).

    >>> coding_of_points((12, 13)).gamma is None
    True

    Raises:
        PictureProblem: HDR, which has no one look on an ordinary screen.
        ProfileIgnored: numbers that stand for nothing known.
    """
    primaries, transfer = points
    if transfer in HDR:
        raise PictureProblem(f"an HDR picture ({HDR[transfer]}); {RESAVE}")
    if primaries not in PRIMARIES or not (transfer in LIKE_SRGB or transfer in GAMMAS):
        raise ProfileIgnored(f"an unknown colour code {primaries}/{transfer}")
    return Coding(PRIMARIES[primaries], GAMMAS.get(transfer))


def coding_of_png(info: Mapping[str, Any]) -> Coding | None:
    """The coding that the chunks ``gAMA`` and ``cHRM`` state; ``None`` where there are none, or where ``sRGB`` overrules them.

    Raises:
        ProfileIgnored: impossible numbers.
    """
    if "srgb" in info or not {"gamma", "chromaticity"} & set(info):
        return None
    stated = info.get("gamma", 1 / 2.2)
    primaries = tuple(info.get("chromaticity", SRGB))
    if not 0.1 <= stated <= 5 or not all(0 < y < 1 for y in primaries[1::2]):
        raise ProfileIgnored(f"impossible gamma or chromaticities ({stated}, {primaries})")
    gamma = 1 / stated
    return Coding(primaries, None if abs(gamma / 2.2 - 1) < NEAR_GAMMA else gamma)


def coding_to_srgb(picture: Image, coding: Coding) -> Image:
    """``picture`` (its alpha apart) in sRGB: mode RGB, or as it is if its coding is that of sRGB.

    Raises:
        ProfileIgnored: chromaticities that span no colours.
    """
    import numpy as np
    from PIL import Image

    same = all(abs(a - b) < NEAR for a, b in zip(coding.primaries, SRGB, strict=True))
    if same and coding.gamma is None:
        return picture
    matrix = np.eye(3) if same else _between(coding.primaries)
    levels = np.linspace(0, 1, 256)
    light = (_linear(levels) if coding.gamma is None else levels**coding.gamma).astype(np.float32)
    encode = np.rint(_encoded(np.linspace(0, 1, LEVELS + 1)) * 255).astype(np.uint8)

    def convert(band: Image.Image) -> Image.Image:
        linear = light[np.asarray(band.convert("RGB"))] @ matrix.T.astype(np.float32)
        return Image.fromarray(encode[np.rint(linear.clip(0, 1) * LEVELS).astype(np.int32)])

    return in_bands(picture, convert)


def _linear(encoded: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encoded(linear: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _between(primaries: Chromaticities) -> np.ndarray:
    """From linear light of ``primaries`` to that of sRGB, white adapted (Bradford)."""
    import numpy as np

    source, target = _to_xyz(primaries), _to_xyz(SRGB)
    cones = np.array(BRADFORD)
    scale = (cones @ target.sum(1)) / (cones @ source.sum(1))
    adapt = np.linalg.inv(cones) @ np.diag(scale) @ cones
    made: np.ndarray = np.linalg.inv(target) @ adapt @ source
    if not np.isfinite(made).all():
        raise ProfileIgnored("impossible chromaticities")
    return made


def _to_xyz(primaries: Chromaticities) -> np.ndarray:
    """Columns: XYZ of red, green and blue at full light, which sum up to white of Y = 1."""
    import numpy as np

    x, y = np.array(primaries[0::2]), np.array(primaries[1::2])
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    try:
        return xyz[:, 1:] * np.linalg.solve(xyz[:, 1:], xyz[:, 0])
    except np.linalg.LinAlgError as error:
        raise ProfileIgnored("chromaticities that span no colours") from error
