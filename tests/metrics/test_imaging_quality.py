from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.metrics.imaging_quality import imaging_quality, resized_size, shrink


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_the_longer_side_ends_at_512_or_just_below(height: int, width: int) -> None:
    small = resized_size(height, width)
    if max(height, width) <= 512:
        assert small == (height, width)
    else:
        assert max(small) in (511, 512)
        assert all(
            abs(s - 512 * o / max(height, width)) <= 1
            for s, o in zip(small, (height, width), strict=True)
        )


def test_small_frames_are_only_scaled() -> None:
    frames = torch.arange(48, dtype=torch.uint8).view(1, 3, 4, 4)
    assert torch.equal(shrink(frames), frames.float() / 255)


def test_the_mean_of_all_frames_over_a_hundred() -> None:
    frames = np.zeros((5, 8, 8, 3), np.uint8)
    frames[:, ..., 0] = np.array([0, 51, 102, 153, 255])[:, None, None]
    sizes = []

    def red(pictures: torch.Tensor) -> torch.Tensor:
        sizes.append(len(pictures))
        return 100 * pictures[:, 0].mean((1, 2))

    assert imaging_quality(frames, red, batch_size=2) == pytest.approx(561 / 255 / 5)
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((511, 300), (511, 300)),
        ((512, 300), (512, 300)),
        ((513, 300), (512, 299)),
        ((300, 513), (299, 512)),
    ],
)
def test_what_is_just_at_the_limit_stays(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert resized_size(*size) == small


@pytest.mark.parametrize(("height", "width"), [(600, 1200), (1200, 600), (600, 600)])
def test_the_middle_is_cut_out_of_the_right_side(height: int, width: int) -> None:
    """One colour in the middle of the longer side, another at its ends."""
    frames = torch.zeros((1, 3, height, width), dtype=torch.uint8)
    top, left = (height - 560) // 2, (width - 560) // 2
    frames[:, :, top : top + 560, left : left + 560] = 255
    made = shrink(frames, "shorter_centercrop")
    assert made.shape == (1, 3, 512, 512)
    assert made[:, :, 40:-40, 40:-40].min() == 1
