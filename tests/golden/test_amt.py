"""AMT-S against vectors made with the published code; the arithmetic of the metric is in test_metrics_arithmetic.py."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from golden_metrics import arrays, read, ruled
from tpige_kedro.metrics.motion_smoothness import motion_smoothness
from tpige_kedro.metrics.protocol import Missing
from tpige_kedro.networks.amt_s import AmtS

GAIN = 0.7  # of the golden weights: larger ones make the flows leave the picture


@cache
def network() -> AmtS:
    made = ruled(AmtS(), "amt_s", GAIN)
    assert isinstance(made, AmtS)
    return made


def images(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def test_layout() -> None:
    published = read("amt_s_state_dict.json")
    state = network().state_dict()
    assert len(published) == 213
    assert set(state) == {key for key, *_ in published}
    for key, shape, dtype in published:
        assert (list(state[key].shape), str(state[key].dtype)) == (shape, f"torch.{dtype}")


def test_the_frame_between() -> None:
    vectors = arrays("amt_s.npz")
    seen: dict[str, Any] = {}
    hooks = [
        getattr(network(), name).register_forward_hook(
            lambda _m, _i, out, name=name: seen.update({name: out})
        )
        for name in ("update4", "update2")
    ]
    with torch.inference_mode():
        between = network()(images(vectors["img0"]), images(vectors["img1"]))[0].numpy()
    for hook in hooks:
        hook.remove()
    np.testing.assert_allclose(between, vectors["imgt_pred"], rtol=0, atol=1e-4)
    flows, _ = seen["update4"]
    np.testing.assert_allclose(flows[0, :2].numpy(), vectors["flow0_4"], rtol=0, atol=1e-4)
    _, feature = seen["update2"]
    stats = [float(feature.mean()), float(feature.std())]
    np.testing.assert_allclose(stats, vectors["ft_1_mean_std"], rtol=0, atol=1e-5)


def interpolate(first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return network()(first, last)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_score_of_a_clip(batch_size: int) -> None:
    vectors = arrays("amt_s.npz")
    score = motion_smoothness(vectors["video5"], interpolate, batch_size)
    assert score == pytest.approx(float(vectors["motion_score_5f"]), abs=1e-4)


def test_two_frames_are_refused_by_the_published_code_and_missing_here() -> None:
    assert read("motion_smoothness.json")["two_frames"] == "AssertionError"
    assert isinstance(motion_smoothness(arrays("amt_s.npz")["video5"][:2], interpolate), Missing)
