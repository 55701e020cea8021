from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tpige_kedro.networks.amt_s import AmtS
from tpige_kedro.networks.amt_s.blocks import sample, warp
from tpige_kedro.networks.amt_s.correlation import CHANNELS, Correlation


def test_no_flow_changes_nothing_and_a_whole_pixel_shifts() -> None:
    images = torch.rand(2, 3, 6, 9)
    still = torch.zeros(2, 2, 6, 9)
    assert torch.allclose(warp(images, still), images, atol=1e-5)
    right = still.clone()
    right[:, 0] = 1
    shifted = warp(images, right)
    assert torch.allclose(shifted[..., :-1], images[..., 1:], atol=1e-5)
    assert torch.allclose(shifted[..., -1], images[..., -1], atol=1e-5)  # the border goes on


def test_sampling_equals_the_published_scale_and_has_a_value_at_one_pixel() -> None:
    images, x, y = torch.rand(1, 2, 5, 7), torch.rand(1, 4, 4) * 8 - 1, torch.rand(1, 4, 4) * 6 - 1
    grid = torch.stack([2 * x / 6 - 1, 2 * y / 4 - 1], -1)
    published = F.grid_sample(images, grid, padding_mode="zeros", align_corners=True)
    assert torch.allclose(sample(images, x, y, "zeros"), published, atol=1e-5)
    one = sample(
        torch.full((1, 1, 1, 1), 4.0),
        torch.tensor([[[0.0, 0.5, 2]]]),
        torch.zeros(1, 1, 3),
        "zeros",
    )
    assert one.flatten().tolist() == pytest.approx([4, 2, 0])


def test_correlation_looks_where_the_flow_points() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(1, 8, 8, 8), torch.randn(1, 8, 8, 8)
    flow1 = torch.zeros(1, 2, 8, 8)
    flow1[:, 0] = 1.0  # half-way in time, so two pixels to the right in the second frame
    found = Correlation(first, second).lookup(torch.zeros(1, 2, 8, 8), flow1, 0.5)
    assert found.shape == (1, 2 * CHANNELS, 8, 8)
    centre = found[0, 7 * 3 + 3]  # the middle of the window at the first level
    expected = (first[0, :, 2, 3] @ second[0, :, 2, 5]) / np.sqrt(8)
    assert float(centre[2, 3]) == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (112, 112), (80, 176)])
def test_small_frames_have_finite_frames_between(height: int, width: int) -> None:
    torch.manual_seed(0)
    first, last = torch.rand(2, 1, 3, height, width)
    with torch.inference_mode():
        between = AmtS().eval()(first, last)
    assert between.shape == first.shape
    assert bool(between.isfinite().all())
    assert 0 <= float(between.min()) <= float(between.max()) <= 1


def test_pairs_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    network = AmtS().eval()
    first, last = torch.rand(2, 2, 3, 64, 64)
    with torch.inference_mode():
        together = network(first, last)
        alone = torch.cat([network(first[i : i + 1], last[i : i + 1]) for i in range(2)])
    assert torch.allclose(together, alone, atol=1e-5)
