from __future__ import annotations

import torch

from tpige_kedro.networks.inception_v3 import InceptionV3


def test_features_are_pooled_and_differ_between_pictures() -> None:
    torch.manual_seed(0)
    network = InceptionV3().eval()
    with torch.inference_mode():
        features = network(torch.rand(2, 3, 299, 299))
    assert features.shape == (2, 2048)
    assert float((features[0] - features[1]).abs().max()) > 0


def test_the_published_size() -> None:
    assert sum(p.numel() for p in InceptionV3().parameters()) == 27_161_264
