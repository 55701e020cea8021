"""Finds and embeds faces with the networks of one ``face`` folder; scorers and the choice of references share it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from tpige_kedro.mini.networks.checkpoint import load_network
from tpige_kedro.mini.networks.face_encoders import ConvNextFaceEncoder, ResidualFaceEncoder
from tpige_kedro.mini.networks.face_locator import FaceLocator, Heads, crop_heads
from tpige_kedro.networks.devices import pick_device


class Faces(NamedTuple):
    """What was found in n pictures: ``visible`` (n,) bool, crops (n, 3, 40, 40), embeddings and features (n, …)."""

    visible: Tensor
    crops: Tensor
    arcface: Tensor
    curricularface: Tensor
    features: Tensor


class FaceFinder:
    """Locator and both encoders from ``source``, on ``device`` (the GPU if there is one)."""

    def __init__(self, source: str | Path, device: str | None = None) -> None:
        self.device = pick_device(device)
        folder = Path(source)
        self.locator = load_network(FaceLocator, folder / "locator", self.device)
        self.arcface = load_network(ResidualFaceEncoder, folder / "arcface", self.device)
        self.curricularface = load_network(
            ConvNextFaceEncoder, folder / "curricularface", self.device
        )

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Faces:
        """Look at pictures (n, 3, 80, 80) in [-1, 1], at one head each."""
        heads: Heads = self.locator(images)
        crops = crop_heads(images, heads)
        features = self.arcface.body[:-1](crops).mean((2, 3))
        return Faces(
            heads.visible > 0, crops, self.arcface(crops), self.curricularface(crops), features
        )
