"""Colours as players show them: range, matrix, bit depth, transparency; what cannot be shown is refused by name."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from written_clips import corners, still, write_raw, write_video

from tpige_kedro.datasets.clip_files.colour import on_white
from tpige_kedro.datasets.clip_files.frames import read_frames
from tpige_kedro.errors import ClipError

WANTED = (200, 60, 120)
WEIGHTS = {6: (0.299, 0.114), 1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}  # red, blue; H.273
LIMITED, FULL = 1, 2
DEPTHS = {"yuv420p": 8, "yuv422p": 8, "yuv444p": 8, "yuv420p10le": 10, "yuv444p12le": 12}


def planes(matrix: int, full: bool, bits: int) -> tuple[int, int, int]:
    """:data:`WANTED` as Y, Cb, Cr by the book (H.273, 8.3)."""
    red, green, blue = (value / 255 for value in WANTED)
    of_red, of_blue = WEIGHTS[matrix]
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    chroma = (blue - luma) / (2 - 2 * of_blue), (red - luma) / (2 - 2 * of_red)
    if full:
        top = 2**bits - 1
        return round(luma * top), *(round(c * top + 2 ** (bits - 1)) for c in chroma)  # type: ignore[return-value]
    unit = 2 ** (bits - 8)
    return round((16 + 219 * luma) * unit), *(round((128 + 224 * c) * unit) for c in chroma)  # type: ignore[return-value]


@pytest.mark.parametrize(("matrix", "full", "pix_fmt"), product(WEIGHTS, (False, True), DEPTHS))
def test_range_matrix_and_depth(tmp_path: Path, matrix: int, full: bool, pix_fmt: str) -> None:
    colour = planes(matrix, full, DEPTHS[pix_fmt])
    tags = {"color_range": FULL if full else LIMITED, "colorspace": matrix}
    frames, _ = read_frames(write_raw(tmp_path / "a.mkv", colour, pix_fmt, **tags))
    assert frames.dtype == np.uint8
    assert np.abs(frames.astype(int) - WANTED).max() <= 3


@pytest.mark.parametrize("size", [(64, 48), (1280, 720)])
def test_untagged_is_limited_bt601_at_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    """What our own clips are, and those of everything that writes RGB through FFmpeg."""
    frames, _ = read_frames(write_video(tmp_path / "a.mp4", still(corners(*size), 1)))
    assert np.abs(frames[0].astype(int) - corners(*size))[4:-4:8, 4:-4:8].mean() < 4


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_by_name(tmp_path: Path, transfer: int, name: str) -> None:
    file = write_raw(tmp_path / "a.mkv", (400, 500, 600), "yuv420p10le", color_trc=transfer)
    with pytest.raises(ClipError, match=rf"is HDR \({name}\).*; convert it to SDR.*tonemap"):
        read_frames(file)


@pytest.mark.parametrize("matrix", [8, 10])
def test_a_matrix_that_cannot_be_converted_is_refused(tmp_path: Path, matrix: int) -> None:
    file = write_raw(tmp_path / "a.mkv", (100, 110, 120), "yuv420p", colorspace=matrix)
    with pytest.raises(ClipError, match=f"colour matrix {matrix} of ITU-T H.273"):
        read_frames(file)


def test_wide_primaries_become_bt709(tmp_path: Path) -> None:
    """A red of Display P3 is redder than BT.709's: its red grows, its green shrinks; grey stays grey."""
    p3 = {"color_primaries": 12, "color_trc": 13, "colorspace": 1, "color_range": LIMITED}
    plain = planes(1, full=False, bits=8)
    frames, _ = read_frames(write_raw(tmp_path / "a.mkv", plain, "yuv444p", **p3))
    red, green, _ = frames[0, 4, 4].astype(int)
    assert red > WANTED[0] + 5 and green < WANTED[1] - 5
    grey, _ = read_frames(write_raw(tmp_path / "b.mkv", (126, 128, 128), "yuv444p", **p3))
    assert np.abs(grey.astype(int) - 128).max() <= 2


def test_transparent_parts_are_white_and_opaque_clips_unchanged(tmp_path: Path) -> None:
    rgba = np.dstack([corners(), np.full((48, 64), 255, np.uint8)])
    opaque, _ = read_frames(write_video(tmp_path / "a.mov", still(rgba, 2), "qtrle", "argb"))
    np.testing.assert_array_equal(opaque[0], corners())
    rgba[:24, :32, 3] = 0
    rgba[:24, 32:, 3] = 128
    frames, _ = read_frames(write_video(tmp_path / "b.mov", still(rgba, 2), "qtrle", "argb"))
    assert (frames[0, :24, :32] == 255).all()
    half = corners()[0, 40].astype(int) * 128 / 255 + 127
    assert np.abs(frames[0, 0, 40] - half).max() <= 1
    np.testing.assert_array_equal(frames[0, 24:], corners()[24:])


def test_on_white_is_exact_at_both_ends() -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (8, 8, 4)).astype(np.uint8)
    rgba[..., 3] = 255
    np.testing.assert_array_equal(on_white(rgba), rgba[..., :3])
    rgba[..., 3] = 0
    assert (on_white(rgba) == 255).all()


def test_grey_is_grey(tmp_path: Path) -> None:
    grey = np.repeat(corners()[..., :1], 3, axis=-1)
    frames, _ = read_frames(write_video(tmp_path / "a.mkv", still(grey, 2), "ffv1", "gray"))
    assert np.abs(frames[0].astype(int) - grey).max() <= 1
