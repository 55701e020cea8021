"""The colours of a decoded frame as 8-bit RGB for a display of the usual kind (BT.709, not HDR)."""

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
WIDE = frozenset({9, 11, 12})  # primaries: BT.2020, DCI-P3, Display P3
BT709 = 1
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
        rgba = frame.to_ndarray(format="rgba", threads=1)
        if rgba[..., 3].min() < 255:
            return on_white(rgba)
    wide: dict[str, Any] = {}
    if frame.color_primaries in WIDE:
        wide = {"dst_color_primaries": BT709, "dst_color_trc": _transfer(frame)}
    pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24", threads=1, **wide)
    return pixels


def refuse_unshowable(frame: VideoFrame) -> None:
    """Raise :class:`ClipError` for a frame whose colours would come out wrong."""
    if frame.color_trc in HDR:
        raise ClipError(f"is HDR ({HDR[frame.color_trc]}), which the metrics do not know", TO_SDR)
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
        return {data.type.name: bytes(data) for data in SideDataContainer(frame)}  # type: ignore[call-arg]
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


def _transfer(frame: VideoFrame) -> int:
    """The frame's own transfer characteristic, so that only primaries are converted."""
    stated = int(frame.color_trc)
    return BT709 if stated in {0, 2, 3} else stated
