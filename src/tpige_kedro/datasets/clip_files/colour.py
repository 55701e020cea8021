"""The colours of a decoded frame as 8-bit RGB for a standard display (BT.709, not HDR)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.errors import ClipError

if TYPE_CHECKING:
    from av import VideoFrame

HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics of ITU-T H.273, as all numbers here
KNOWN_MATRICES = frozenset({0, 1, 2, 4, 5, 6, 7, 9})  # what libswscale converts; 2 is "not stated"
# primaries that are wider than BT.709's, as matrices of their linear RGB to that of BT.709 (from the chromaticities in H.273)
P3 = (
    (1.2249402, -0.2249402, 0.0),
    (-0.0420570, 1.0420570, 0.0),
    (-0.0196376, -0.0786361, 1.0982736),
)
BT2020 = (
    (1.6604910, -0.5876411, -0.0728499),
    (-0.1245505, 1.1328999, -0.0083494),
    (-0.0181508, -0.1005789, 1.1187297),
)
WIDE = {9: BT2020, 11: P3, 12: P3}
GAMMA = 2.2  # of a display
TO_SDR = (
    "convert it to SDR, for example with `ffmpeg -i IN -vf zscale=t=linear:npl=100,tonemap=hable,"
    "zscale=t=bt709:m=bt709:p=bt709:r=tv,format=yuv420p OUT`"
)


def to_rgb(frame: VideoFrame) -> NDArray[np.uint8]:
    """The frame as (H, W, 3) RGB, as stored: neither cropped nor turned.

    Range (limited or full), matrix (BT.601, 709, 2020) and bit depth are those that the frame states. Where no matrix is stated it
    is BT.601 at any size, where no range is, limited. Wide primaries become BT.709. Transparent parts show white.

    Raises:
        ClipError: HDR, Dolby Vision without a picture for other displays, or a matrix that cannot be converted.
    """
    refuse_unshowable(frame)
    if any(part.is_alpha for part in frame.format.components):
        rgba = as_bytes(frame.to_ndarray(format="rgba", threads=1))
        if rgba[..., 3].min() < 255:
            return on_white(rgba)
    pixels = as_bytes(frame.to_ndarray(format="rgb24", threads=1))
    wide = WIDE.get(int(frame.color_primaries))
    return pixels if wide is None else to_bt709(pixels, np.array(wide, np.float32))


def as_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """The array itself, which is of bytes in the formats that are asked for here."""
    return np.asarray(pixels, np.uint8)


def to_bt709(pixels: NDArray[np.uint8], matrix: NDArray[np.float32]) -> NDArray[np.uint8]:
    """RGB of wider primaries in those of BT.709; what these cannot show is clipped."""
    levels = (np.arange(256, dtype=np.float32) / 255) ** GAMMA
    linear = (levels[pixels] @ matrix.T).clip(0, 1)
    return (255 * linear ** (1 / GAMMA)).round().astype(np.uint8)


def refuse_unshowable(frame: VideoFrame) -> None:
    """Raise :class:`ClipError` for a frame whose colours would come out wrong."""
    if frame.color_trc in HDR:
        raise ClipError(
            f"is HDR ({HDR[frame.color_trc]}), which the metrics do not support", TO_SDR
        )
    if frame.colorspace not in KNOWN_MATRICES:
        dolby = any(name.startswith("DOVI") for name in side_data(frame))
        what = "Dolby Vision" if dolby else f"colour matrix {frame.colorspace} of ITU-T H.273"
        raise ClipError(f"has colours in {what}, which cannot be converted to RGB", TO_SDR)


def side_data(frame: VideoFrame) -> dict[str, bytes]:
    """What a frame carries beside its pixels, by name.

    Not ``frame.side_data``: that refers to its frame and the frame to it, and neither is ever freed (PyAV 18.1).
    """
    from av.sidedata.sidedata import SideDataContainer

    try:
        return {data.type.name: bytes(data) for data in SideDataContainer(frame)}  # type: ignore[call-arg]  # its stub lacks the constructor
    except (
        ValueError
    ):  # a kind that PyAV has no name for: of the turn, the angle is known nonetheless
        angle = round(frame.rotation / 90) % 4
        a, b = ((1, 0), (0, -1), (-1, 0), (0, 1))[angle]
        return {"DISPLAYMATRIX": struct.pack("=9i", a, b, 0, -b, a, 0, 0, 0, 1 << 14)}


def on_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 4) with transparent parts on white, as reference pictures are: (H, W, 3)."""
    alpha = rgba[..., 3:].astype(np.uint16)
    blended = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return blended.astype(np.uint8)
