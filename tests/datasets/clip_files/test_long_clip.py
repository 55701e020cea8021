"""A clip that is too long for memory is read in parts, and gives the same frames and scores."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from written_clips import write_video

from tpige_kedro.datasets.clip_files.frames import LongClip, read_frames
from tpige_kedro.datasets.mp4 import Clip
from tpige_kedro.errors import ClipError
from tpige_kedro.metrics.imaging_quality import imaging_quality
from tpige_kedro.metrics.motion_smoothness import motion_smoothness
from tpige_kedro.mini import pictures

COUNT = 21


def moving(count: int = COUNT, width: int = 64, height: int = 48) -> np.ndarray:
    t, y, x = np.mgrid[:count, :height, :width]
    return np.stack([x * 3 + 5 * t, y * 4 + t, 255 - x - y], -1).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "long.mp4", moving())


@pytest.fixture
def whole(file: Path) -> np.ndarray:
    frames, _ = read_frames(file)
    assert isinstance(frames, np.ndarray)
    return frames


@pytest.fixture
def parts(file: Path) -> LongClip:
    frames, _ = read_frames(file, in_memory=5 * 64 * 48)
    assert isinstance(frames, LongClip)
    return frames


def test_it_is_indexed_like_an_array(whole: np.ndarray, parts: LongClip) -> None:
    assert parts.shape == whole.shape and len(parts) == COUNT and parts.dtype == whole.dtype
    for key in (
        slice(0, 9), slice(8, 17), slice(16, None), slice(3, 4), slice(0, 0), slice(None, None, 4),
        [0, 5, 20], [20, 0, 5, 5], np.array([1, 2]), 7, -1, slice(-3, None), 0,
    ):  # fmt: skip
        np.testing.assert_array_equal(parts[key], whole[key], err_msg=str(key))
    np.testing.assert_array_equal(np.stack(list(parts)), whole)
    with pytest.raises(IndexError):
        parts[COUNT]
    with pytest.raises(TypeError, match="index it with a slice"):
        np.asarray(parts)


def test_metrics_are_the_same_to_the_digit(whole: np.ndarray, parts: LongClip) -> None:
    def between(first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        return (first + last) / 2

    def bright(images: torch.Tensor) -> torch.Tensor:
        return images.mean((1, 2, 3))

    for size in (1, 3, 8):
        assert motion_smoothness(parts, between, size) == motion_smoothness(whole, between, size)
        assert imaging_quality(parts, bright, size) == imaging_quality(whole, bright, size)
    expected = [np.asarray(f) for f in Clip(whole, 8).even_frames(4)]
    np.testing.assert_array_equal([np.asarray(f) for f in Clip(parts, 8).even_frames(4)], expected)


def test_small_pictures_are_the_same_in_parts(
    whole: np.ndarray, parts: LongClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = pictures.to_images(whole)
    monkeypatch.setattr(pictures, "PIXELS_AT_ONCE", 4 * 64 * 48)
    for frames in (whole, parts):
        found = pictures.clip_to_images(frames)
        assert torch.equal(found, expected) and found.stride() == expected.stride()


def test_reading_forward_decodes_once(parts: LongClip, monkeypatch: pytest.MonkeyPatch) -> None:
    from tpige_kedro.datasets.clip_files import frames

    parts[[0, 4]]
    monkeypatch.setattr(frames, "decoded", None)  # starting again would call it
    for start in range(4, COUNT - 2, 4):
        parts[start : start + 5]  # the last of each part is the first of the next
    with pytest.raises(TypeError):
        parts[0]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_memory_does_not_grow_with_the_length(tmp_path: Path, suffix: str) -> None:
    codec = {".mp4": "libx264", ".webm": "libvpx-vp9"}[suffix]
    frame, peaks = 160 * 120 * 3, []
    for count in (12, 40):
        file = write_video(tmp_path / f"{count}{suffix}", moving(count, 160, 120), codec)
        tracemalloc.start()
        frames, _ = read_frames(file, in_memory=6 * 160 * 120)
        for start in range(0, count, 4):
            frames[start : start + 4]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 14 * frame
    assert abs(peaks[1] - peaks[0]) < 2 * frame


def test_a_file_that_is_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mp4", moving())
    frames, _ = read_frames(file, in_memory=1)
    write_video(file, moving(7))
    with pytest.raises(ClipError, match="ends at frame 7 of 21; it was changed"):
        frames[10:12]
