"""MUSIQ and VBench's resizing against vectors made with the published code."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from golden_metrics import arrays, read, ruled
from tpige_kedro.metrics.imaging_quality import imaging_quality, resized_size, shrink
from tpige_kedro.networks.musiq import Musiq
from tpige_kedro.networks.musiq.tokens import tokenize


@cache
def network() -> Musiq:
    made = ruled(Musiq(), "musiq")
    assert isinstance(made, Musiq)
    return made


def images(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def test_layout() -> None:
    published = read("musiq_state_dict.json")
    state = network().state_dict()
    assert len(published) == 248
    assert set(state) == {key for key, *_ in published}
    for key, shape, dtype in published:
        assert (list(state[key].shape), str(state[key].dtype)) == (shape, f"torch.{dtype}")


@pytest.mark.parametrize("mode", ["longer", "shorter", "shorter_centercrop"])
def test_sizes(mode) -> None:
    for case in read("imaging_quality_shapes.json"):
        height, width = case["h"], case["w"]
        frame = torch.zeros(1, 1, height, width, dtype=torch.uint8)
        assert list(shrink(frame, mode).shape[2:]) == case[mode]
        if mode != "shorter_centercrop":
            assert list(resized_size(height, width, mode)) == case[mode]


def test_shrinking() -> None:
    vectors = arrays("imaging_quality.npz")
    resized = shrink(images(vectors["image_u8"]))
    assert list(resized.shape) == vectors["resized_shape"].tolist()
    assert "0,8,16" in str(vectors["resized_note"])
    np.testing.assert_allclose(resized[0, :, ::8].numpy(), vectors["resized"], rtol=0, atol=1e-6)
    assert float(resized.double().sum()) == pytest.approx(float(vectors["resized_sum"]), rel=1e-6)


def test_tokens() -> None:
    vectors = arrays("imaging_quality.npz")
    picture = images(vectors["musiq_image_u8"]).float() / 255
    tokens = tokenize(2 * picture - 1)
    columns = (tokens.place, tokens.scale, tokens.valid)
    shape = [*tokens.patches.shape[:2], tokens.patches.shape[2] + len(columns)]
    assert shape == vectors["ms_tokens"].tolist()
    for ours, name in zip(columns, ("spatial", "scale", "mask"), strict=True):
        np.testing.assert_array_equal(ours.numpy().astype(int), vectors[f"ms_{name}"])
    means = tokens.patches[0].mean(1).numpy()
    np.testing.assert_allclose(means, vectors["ms_patch_mean"], rtol=0, atol=1e-5)
    first = tokens.patches[0, 0].numpy()
    np.testing.assert_allclose(first, vectors["ms_first_patch"], rtol=0, atol=1e-5)


def test_token_counts() -> None:
    for case in read("musiq_token_counts.json"):
        tokens = tokenize(torch.zeros(1, 3, case["h"], case["w"]))
        assert tokens.patches.shape[1] == case["tokens"]
        assert int(tokens.valid.sum()) == case["valid"]


def test_scores() -> None:
    vectors = arrays("imaging_quality.npz")
    with torch.inference_mode():
        score = network()(images(vectors["musiq_image_u8"]).float() / 255)
        resized = network()(shrink(images(vectors["image_u8"])))
    assert float(score) == pytest.approx(float(vectors["musiq_score"]), abs=1e-3)
    assert float(resized) == pytest.approx(float(vectors["musiq_score_resized"]), abs=1e-3)


def test_a_clip_is_the_mean_of_its_frames_over_a_hundred() -> None:
    vectors = arrays("imaging_quality.npz")
    frames = vectors["musiq_image_u8"][None].repeat(3, axis=0)
    with torch.inference_mode():
        for batch_size in (1, 2):
            score = imaging_quality(frames, network(), batch_size)
            assert score == pytest.approx(float(vectors["musiq_score"]) / 100, abs=1e-5)
