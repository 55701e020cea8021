"""The identity metrics of the paper on photos: buffalo_l finds and recognises faces, CurricularFace and Inception-v3 compare them."""

from __future__ import annotations

from typing import ClassVar

from tpige_kedro.faces.insightface_models import DETECTOR, RECOGNISER, InsightFaceModels
from tpige_kedro.metrics.catalog import METRICS
from tpige_kedro.metrics.face_metrics import COLUMNS, FaceMetrics
from tpige_kedro.metrics.protocol import MetricSpec, ScoredClip, Values
from tpige_kedro.networks.devices import pick_device
from tpige_kedro.networks.inception_v3 import INCEPTION_V3, InceptionV3
from tpige_kedro.networks.ir101 import CURRICULAR_FACE, IR101
from tpige_kedro.option_types import Count, Device
from tpige_kedro.weights.published import Weights, load_weights, require_files


class PhotoFaceScorer:
    """CurScore, ArcScore, the paper's "FID", and how often a face is seen; section 3.5.

    ``source`` is a folder that holds the unpacked folder ``buffalo_l`` and the two other checkpoints; they come from three places
    and no hub repository has them together. ``revision`` pins a hub id, if you keep them in
    your own repository. ``batch_size`` is in faces.

    Raises:
        ModelError: the folder or a file is missing; it says which, where to get it and where to put it.
    """

    version: ClassVar[int] = 2  # raise it when the same clip gives other values
    metrics: tuple[MetricSpec, ...] = tuple(METRICS[name] for name in COLUMNS)
    weights: tuple[Weights, ...] = (DETECTOR, RECOGNISER, CURRICULAR_FACE, INCEPTION_V3)
    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "source": (
            "buffalo_l/det_10g.onnx",
            "buffalo_l/w600k_r50.onnx",
            "glint360k_curricular_face_r101_backbone.bin",
            "inception_v3_google-0cc3c7bd.pth",
        ),
    }

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        device: Device | None = None,
        batch_size: Count = 32,
    ) -> None:
        folder, place = require_files(source, self.weights, revision), pick_device(device)
        models = InsightFaceModels(folder, place.type)
        curricular = load_weights(IR101(), folder, CURRICULAR_FACE).to(place)
        inception = load_weights(InceptionV3(), folder, INCEPTION_V3).to(place)
        self._compared = FaceMetrics(models, curricular, inception, place, batch_size)

    def score(self, clip: ScoredClip) -> Values:
        """Compare the face in 16 frames with the one in the reference."""
        return self._compared.score(clip)
