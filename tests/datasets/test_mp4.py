from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import Clip, Mp4Dataset


def smooth_frames(count: int = 9, height: int = 48, width: int = 64) -> np.ndarray:
    """A slow pan over a colour gradient, as lossy compression expects."""
    t, y, x = np.mgrid[:count, :height, :width]
    return np.stack([x * 3 + t, y * 4, 255 - x - y], axis=-1).clip(0, 255).astype(np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clip.mp4"


def test_a_clip_comes_back_with_its_frames_rate_and_title(file: Path) -> None:
    frames = smooth_frames()
    Mp4Dataset(filepath=str(file)).save(Clip(frames, 8, "A man läuft 🏃"))
    clip = Mp4Dataset(filepath=str(file)).load()
    assert clip.frames.shape == frames.shape and clip.frames.dtype == np.uint8
    assert clip.fps == 8 and clip.title == "A man läuft 🏃"
    assert np.abs(clip.frames.astype(int) - frames).mean() < 3


def test_a_lower_crf_loses_less(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)

    def loss(crf: int) -> float:
        dataset = Mp4Dataset(filepath=str(tmp_path / f"{crf}.mp4"), crf=crf)
        dataset.save(Clip(noise, 8))
        return float(np.abs(dataset.load().frames.astype(int) - noise).mean())

    assert loss(4) < loss(40)


def test_the_file_is_what_browsers_play(file: Path) -> None:
    Mp4Dataset(filepath=str(file)).save(Clip(smooth_frames(), 8))
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
    content = file.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "index in front: plays while it loads"


def test_saving_the_same_frames_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        Mp4Dataset(filepath=str(tmp_path / name)).save(Clip(smooth_frames(), 8, "same"))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("fps", [8, 16, 23.976])
def test_rates(file: Path, fps: float) -> None:
    Mp4Dataset(filepath=str(file)).save(Clip(smooth_frames(), fps))
    assert Mp4Dataset(filepath=str(file)).load().fps == pytest.approx(fps, rel=1e-4)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((3, 33, 32, 3), np.uint8), "32x33.*even"),
        (np.zeros((3, 32, 31, 3), np.uint8), "31x32.*even"),
        (np.zeros((3, 32, 32, 3), np.float32), "float32"),
        (np.zeros((3, 32, 32), np.uint8), r"\(3, 32, 32\)"),
        (np.zeros((0, 32, 32, 3), np.uint8), "no empty dimension"),
    ],
)
def test_what_is_no_clip_is_refused(file: Path, frames: np.ndarray, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Mp4Dataset(filepath=str(file)).save(Clip(frames, 8))
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"no clip at all", None])
def test_a_broken_file_says_which_it_is(file: Path, content: bytes | None) -> None:
    if content is None:  # cut off in the middle, as a killed writer would leave it
        Mp4Dataset(filepath=str(file)).save(Clip(smooth_frames(), 8))
        content = file.read_bytes()[:200]
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=r"clip\.mp4"):
        Mp4Dataset(filepath=str(file)).load()


def test_even_frames_run_from_the_first_to_the_last() -> None:
    frames = np.zeros((10, 4, 4, 3), np.uint8) + np.arange(10, dtype=np.uint8)[:, None, None, None]
    found = [np.asarray(f)[0, 0, 0] for f in Clip(frames, 8).even_frames(4)]
    assert found == [0, 3, 6, 9]
