from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.metrics.motion_smoothness import motion_smoothness, symmetric_padding, to_levels
from tpige_kedro.metrics.protocol import Missing


def halfway(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a + b) / 2


def gliding_square(step: int, frames: int = 9) -> np.ndarray:
    clip = np.zeros((frames, 24, 40, 3), np.uint8)
    for t in range(frames):
        clip[t, 8:16, 2 + step * t : 8 + step * t] = 200
    return clip


def test_a_frozen_clip_scores_one_up_to_truncation() -> None:
    still = np.random.default_rng(0).integers(0, 256, (1, 20, 20, 3), np.uint8)
    score = motion_smoothness(still.repeat(5, axis=0), halfway)
    assert 1 - 1 / 255 <= score <= 1


def test_jumps_and_flicker_score_below_a_slow_glide() -> None:
    slow, fast = (
        motion_smoothness(gliding_square(1), halfway),
        motion_smoothness(gliding_square(3), halfway),
    )
    flicker = gliding_square(1)
    flicker[1::2] = 255 - flicker[1::2]
    assert slow > fast > motion_smoothness(flicker, halfway)


def test_hand_computed_value() -> None:
    frames = np.zeros((3, 16, 16, 3), np.uint8)
    frames[1] = 51
    assert motion_smoothness(frames, halfway) == pytest.approx((255 - 51) / 255)


def test_last_frame_of_an_even_clip_is_unused() -> None:
    clip = gliding_square(1, frames=8)
    other = clip.copy()
    other[-1] = 77
    assert motion_smoothness(clip, halfway) == motion_smoothness(other, halfway)


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_short_clips_have_a_reason(frames: int) -> None:
    score = motion_smoothness(np.zeros((frames, 8, 8, 3), np.uint8), halfway)
    assert score == Missing(f"needs at least 3 frames, the clip has {frames}")


def test_the_interpolator_sees_at_most_one_batch() -> None:
    sizes = []

    def count(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        sizes.append(len(a))
        assert (
            a.dtype == torch.float32 and a.shape[1:] == (3, 32, 48) and 0 <= a.min() <= a.max() <= 1
        )
        return a

    motion_smoothness(gliding_square(1, frames=15), count, batch_size=3)
    assert sizes == [3, 3, 1]
    sizes.clear()
    motion_smoothness(gliding_square(1, frames=14), count, batch_size=3)
    assert sizes == [3, 3], "and never an empty one"


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_padding_reaches_the_next_multiple_of_16(height: int, width: int) -> None:
    left, right, top, bottom = symmetric_padding(height, width)
    assert (height + top + bottom) % 16 == (width + left + right) % 16 == 0
    assert 0 <= right - left <= 1 and 0 <= bottom - top <= 1 and max(left, right, top, bottom) <= 8


def test_conversion_cuts_and_clips() -> None:
    values = torch.tensor([-0.5, 0.0, 0.999, 1.5])
    assert to_levels(values).tolist() == [0, 0, 254, 255]
