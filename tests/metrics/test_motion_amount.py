"""Motion amplitude and flicker: what moves by a known amount, what only flickers, and what has no flow at all."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tpige_kedro.metrics.motion_amount import MotionAmountScorer
from tpige_kedro.metrics.optical_flow import LONGEST_SIDE, motion_and_flicker
from tpige_kedro.metrics.protocol import Missing, ScoredClip

Video = NDArray[np.uint8]


def texture(side: int = 400, seed: int = 0) -> Video:
    """A soft random pattern (side, side, 3)."""
    rough = np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)
    soft = cv2.GaussianBlur(rough, (0, 0), 3).astype(float)
    return ((soft - soft.min()) / np.ptp(soft) * 200 + 20).astype(np.uint8)


def panned(shift: int, length: int = 5, height: int = 80, width: int = 120) -> Video:
    """A window that moves ``shift`` pixels a frame over the pattern."""
    pattern = texture()
    return np.stack([pattern[40 : 40 + height, 40 + shift * t :][:, :width] for t in range(length)])


def values(frames: Video, fps: float = 8.0) -> tuple[float, float]:
    found = motion_and_flicker(frames, fps)
    motion, flicker = found["motion_amplitude"], found["flicker"]
    assert isinstance(motion, float) and isinstance(flicker, float)
    return motion, flicker


@pytest.mark.parametrize("shift", [1, 3, 6])
def test_a_pan_is_as_fast_as_it_is(shift: int) -> None:
    motion, flicker = values(panned(shift))
    assert motion == pytest.approx(8 * shift / np.hypot(80, 120), rel=0.12)
    assert flicker < 0.01


def test_twice_the_frame_rate_is_twice_the_motion_and_the_same_flicker() -> None:
    slow, fast = values(panned(2), 8.0), values(panned(2), 16.0)
    assert fast[0] == pytest.approx(2 * slow[0]) and fast[1] == slow[1]


@pytest.mark.parametrize("scale", [1.6, 2, 5])
def test_size_does_not_matter(scale: float) -> None:
    small = panned(2)
    large = np.stack([cv2.resize(f, None, fx=scale, fy=scale) for f in small])
    assert max(large.shape[1:3]) > LONGEST_SIDE
    assert values(large)[0] == pytest.approx(values(small)[0], rel=0.1)


def test_a_frozen_clip_does_not_move_and_does_not_flicker() -> None:
    assert values(np.repeat(panned(0, 1), 6, axis=0)) == pytest.approx((0.0, 0.0), abs=1e-3)


def test_flicker_is_what_no_motion_explains() -> None:
    still = np.repeat(panned(0, 1), 6, axis=0).astype(int)
    brighter = still + np.array([0, 20] * 3)[:, None, None, None]
    noise = np.random.default_rng(1).normal(0, 20, still.shape)
    calm = values(panned(3))[1]
    for shaken in (brighter, still + noise):
        assert values(shaken.clip(0, 255).astype(np.uint8))[1] > 5 * calm


def test_more_noise_flickers_more() -> None:
    still, rng = np.repeat(panned(0, 1), 5, axis=0).astype(float), np.random.default_rng(2)
    found = [
        values((still + rng.normal(0, s, still.shape)).clip(0, 255).astype(np.uint8))[1]
        for s in (0, 5, 15, 40)
    ]
    assert found == sorted(found) and found[0] < found[1] / 2


@pytest.mark.parametrize("length", [0, 1])
def test_short_clips_have_a_reason(length: int) -> None:
    reason = Missing(f"needs at least 2 frames, the clip has {length}")
    found = motion_and_flicker(np.zeros((length, 20, 20, 3), np.uint8), 8.0)
    assert set(found.values()) == {reason}


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40), (9, 7), (2000, 2)])
def test_pictures_of_any_size_have_a_value(size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3)).astype(np.uint8)
    assert np.isfinite(values(frames)).all()


def test_a_long_clip_is_the_same_read_in_parts() -> None:
    """Frames are read 16 at a time; the pairs across the parts count as well."""
    frames = np.concatenate([panned(2, 20), panned(2, 20)[::-1]])

    class Parts:
        shape = frames.shape

        def __len__(self) -> int:
            return len(frames)

        def __getitem__(self, key: slice) -> Video:
            assert key.stop - key.start <= 16
            return frames[key]

    assert motion_and_flicker(Parts(), 8.0) == motion_and_flicker(frames, 8.0)


@pytest.mark.parametrize("threads", [1, 4])
def test_the_number_of_threads_changes_nothing(threads: int) -> None:
    before = cv2.getNumThreads()
    expected = values(panned(3))
    try:
        cv2.setNumThreads(threads)
        assert values(panned(3)) == expected
    finally:
        cv2.setNumThreads(before)


def test_the_scorer_gives_what_it_declares() -> None:
    clip = ScoredClip(panned(1), 8.0, Image.new("RGB", (8, 8)), "")
    scorer = MotionAmountScorer()
    found = scorer.score(clip)
    assert set(found) == {m.name for m in scorer.metrics}
    assert found == motion_and_flicker(clip.frames, 8.0)
