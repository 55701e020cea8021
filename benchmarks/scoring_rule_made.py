"""Rule-made weights for the photographic scorers: the published layouts, filled with seeded numbers.

How fast a network runs does not depend on what is in it. The detector and ArcFace of insightface are ONNX files, of which no copy of
full size is made here: a face is always in the middle of the frame and its embedding is a patch of pixels, so **their time is not in any number**.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

CENTRE = np.array([[0.4, 0.42], [0.6, 0.42], [0.5, 0.52], [0.42, 0.62], [0.58, 0.62]])


class CentredFaces:
    """A face in the middle of every picture."""

    def detect(self, picture: np.ndarray) -> list[Any]:
        from tpige_kedro.faces.protocol import Face

        height, width = picture.shape[:2]
        side = min(height, width)
        points = (CENTRE - 0.5) * side + np.array([width / 2, height / 2])
        box = np.array([width - side, height - side, width + side, height + side]) / 2
        return [Face(box.astype(np.float32), points.astype(np.float32))]

    def embed(self, picture: np.ndarray, face: Any) -> np.ndarray:
        height, width = picture.shape[0] // 2, picture.shape[1] // 2
        return picture[height - 8 : height + 8, width - 8 : width + 8].astype(np.float32).ravel()


class RuleMadeFaceScorer:
    """CurricularFace's and Inception's networks with the arithmetic of the photographic face scorer."""

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        device: str | None = None,
        batch_size: int = 32,
    ) -> None:
        from tpige_kedro.metrics.face_metrics import FaceMetrics
        from tpige_kedro.networks.devices import pick_device
        from tpige_kedro.networks.inception_v3 import INCEPTION_V3, InceptionV3
        from tpige_kedro.networks.ir101 import CURRICULAR_FACE, IR101
        from tpige_kedro.networks.weights import load_weights

        place = pick_device(device)
        curricular = load_weights(IR101(), source, CURRICULAR_FACE).to(place)
        inception = load_weights(InceptionV3(), source, INCEPTION_V3).to(place)
        self._compared = FaceMetrics(CentredFaces(), curricular, inception, place, batch_size)

    def score(self, clip: Any) -> Any:
        return self._compared.score(clip)


def write_weights(folder: Path) -> None:
    """The four checkpoints under their published names."""
    from tpige_kedro.networks.amt_s.network import AMT_S, AmtS
    from tpige_kedro.networks.inception_v3 import INCEPTION_V3, InceptionV3
    from tpige_kedro.networks.ir101 import CURRICULAR_FACE, IR101
    from tpige_kedro.networks.musiq.network import MUSIQ_SPAQ, Musiq

    folder.mkdir(parents=True, exist_ok=True)
    networks = (
        (IR101, CURRICULAR_FACE),
        (InceptionV3, INCEPTION_V3),
        (AmtS, AMT_S),
        (Musiq, MUSIQ_SPAQ),
    )
    for build, weights in networks:
        if not (folder / weights.file).exists():
            torch.manual_seed(0)
            torch.save(build().state_dict(), folder / weights.file)


def rule_made(name: str, spec: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The entry of a photographic scorer with the weights of ``folder``."""
    kind = "scoring_rule_made.RuleMadeFaceScorer" if name == "photo_face" else spec["type"]
    return {**spec, "type": kind, "source": str(folder), "revision": None}
