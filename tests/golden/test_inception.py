"""Inception-v3 against torchvision 0.29's own module, with rule-made weights, on RandomState(3).randint(0, 256, (1, 3, 299, 299))."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from golden_metrics import rule_state_dict
from tpige_kedro.networks.inception_v3 import InceptionV3

HERE = Path(__file__).parents[1]


def test_pooled_features() -> None:
    published = json.loads((HERE / "inception_v3_state_dict.json").read_text())
    with np.load(HERE / "inception_v3_features.npz") as file:
        vectors = dict(file)
    network = InceptionV3().eval()
    shapes = {key: tuple(shape) for key, shape in published}
    network.load_state_dict(rule_state_dict(shapes, str(vectors["salt"])), strict=True)
    pixels = np.random.RandomState(3).randint(0, 256, (1, 3, 299, 299))
    with torch.inference_mode():
        features = network(torch.from_numpy(pixels).float() / 255)[0].numpy()
    largest = np.abs(vectors["features"]).max()
    np.testing.assert_allclose(features, vectors["features"], rtol=0, atol=1e-5 * largest)
