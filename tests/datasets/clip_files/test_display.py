"""The picture that is scored is the one that a player shows: orientation, mirroring, pixel aspect and cropping of real files."""

from __future__ import annotations

import struct
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from written_clips import (
    BLUE,
    GREEN,
    RED,
    ROOM,
    WHITE,
    corners,
    still,
    with_clean_aperture,
    with_pixel_crop,
    write_video,
)

from tpige_kedro.datasets import Mp4Dataset
from tpige_kedro.datasets.clip_files.display import Crop, signs
from tpige_kedro.datasets.clip_files.frames import read_frames
from tpige_kedro.errors import ClipError

ONE, LAST = 1 << 16, 1 << 30
TURNS = {
    "upright": (1, 0, 0, 1),
    "quarter": (0, 1, -1, 0),
    "half": (-1, 0, 0, -1),
    "three quarters": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down mirrored": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transversed": (0, -1, -1, 0),
}
WRITERS = {".mp4": "libx264", ".mov": "libx264", ".m4v": "mpeg4", ".mkv": "libx264"}
PLACES = {(-1, -1): RED, (1, -1): GREEN, (-1, 1): BLUE, (1, 1): WHITE}  # x to the right, y down


def display_matrix(turn: tuple[int, int, int, int]) -> tuple[int, ...]:
    a, b, c, d = (value * ONE for value in turn)
    return (a, b, 0, c, d, 0, 0, 0, LAST)


def corner_colours(frame: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """The colour in the middle of each quarter of a picture."""
    height, width = frame.shape[:2]
    return {
        (x, y): frame[height // 2 + y * height // 4, width // 2 + x * width // 4].astype(int)
        for x, y in PLACES
    }


def assert_turned(frame: np.ndarray, turn: tuple[int, int, int, int]) -> None:
    """Every corner is where the matrix puts it: ``x' = a x + c y``, ``y' = b x + d y``."""
    a, b, c, d = turn
    seen = corner_colours(frame)
    for (x, y), colour in PLACES.items():
        place = (a * x + c * y, b * x + d * y)
        assert np.abs(seen[place] - colour).max() < 25, (turn, place)


@pytest.mark.parametrize(("name", "suffix"), product(TURNS, WRITERS))
def test_orientations_and_mirrorings(tmp_path: Path, name: str, suffix: str) -> None:
    turn = TURNS[name]
    if suffix == ".mkv" and turn[1] == turn[2] != 0:
        pytest.skip("Matroska's projection has angles and one mirroring")
    file = tmp_path / f"clip{suffix}"
    for aspect in (None, Fraction(4, 3), Fraction(1, 2)):
        matrix = None if name == "upright" else display_matrix(turn)
        write_video(file, still(corners(), 2), WRITERS[suffix], matrix=matrix, aspect=aspect)
        frames, _ = read_frames(file)
        width, height = {None: (64, 48), Fraction(4, 3): (85, 48)}.get(aspect, (64, 96))
        size = (width, height) if turn[0] else (height, width)
        assert frames.shape == (2, size[1], size[0], 3), (aspect, name)
        assert_turned(frames[0], turn)


def test_what_needs_no_change_is_untouched(tmp_path: Path) -> None:
    import av

    file = write_video(tmp_path / "a.mp4", still(corners(), 3))
    with av.open(str(file)) as container:
        plain = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    np.testing.assert_array_equal(Mp4Dataset(filepath=str(file)).load().frames, plain)


@pytest.mark.parametrize("aspect", [Fraction(1280, 1279), Fraction(135, 136)])
def test_almost_square_pixels_are_square(tmp_path: Path, aspect: Fraction) -> None:
    plain, _ = read_frames(write_video(tmp_path / "a.mp4", still(corners(), 2)))
    frames, _ = read_frames(write_video(tmp_path / "b.mp4", still(corners(), 2), aspect=aspect))
    np.testing.assert_array_equal(frames, plain)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_clean_aperture(tmp_path: Path, suffix: str) -> None:
    file = write_video(tmp_path / f"a{suffix}", still(corners(96, 64), 2))
    whole, _ = read_frames(file)
    file.write_bytes(with_clean_aperture(file.read_bytes(), 64, 48, 8, -4))
    frames, track = read_frames(file)
    assert track.crop == Crop(left=24, top=4, right=8, bottom=12)
    np.testing.assert_array_equal(frames, whole[:, 4:52, 24:88])


def test_pixel_crop_comes_before_the_aspect(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mkv", still(corners(96, 64), 2), name=ROOM)
    whole, _ = read_frames(file)
    file.write_bytes(with_pixel_crop(file.read_bytes(), 20, 2, 12, 16))
    np.testing.assert_array_equal(read_frames(file)[0], whole[:, 2:48, 20:84])
    write_video(file, still(corners(96, 64), 2), name=ROOM, aspect=Fraction(4, 3))
    file.write_bytes(with_pixel_crop(file.read_bytes(), 20, 0, 12, 16))
    assert read_frames(file)[0].shape == (2, 48, 85, 3)


def test_a_crop_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ClipError, match="cuts frames of 64x48 to -56x48; encode it again"):
        Crop(60, 0, 60, 0).of(64, 48)
    with pytest.raises(ClipError, match="cuts frames"):
        Crop(left=-8).cut(corners())


def test_a_slanted_clip_is_refused_and_an_empty_matrix_ignored(tmp_path: Path) -> None:
    part = round(ONE * 0.5**0.5)
    slanted = (part, part, 0, -part, part, 0, 0, 0, LAST)
    file = write_video(tmp_path / "a.mp4", still(corners(), 2), matrix=slanted)
    with pytest.raises(ClipError, match="slanted \\(turned by 45 degrees\\); encode it again"):
        read_frames(file)
    assert signs(struct.pack("=9i", *[0] * 9)) == (1, 0, 0, 1) == signs(b"")
    assert signs(struct.pack("=9i", -2 * ONE, 9, 0, 9, ONE, 0, 0, 0, LAST)) == (-1, 0, 0, 1)
