"""Face FID and KID of a variant on photos: buffalo_l finds the faces, the Inception network of FID compares the two sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from tpige_kedro.faces.finding import find_face
from tpige_kedro.faces.insightface_models import DETECTOR, RECOGNISER, InsightFaceModels
from tpige_kedro.faces.protocol import FaceModels, Picture
from tpige_kedro.metrics import catalog
from tpige_kedro.metrics.face_metrics import SAMPLED_FRAMES
from tpige_kedro.metrics.face_set import FID_INCEPTION, InceptionFeatures, set_level_scores
from tpige_kedro.metrics.frame_sampling import distinct_indices
from tpige_kedro.metrics.protocol import Frames, MetricSpec, Missing
from tpige_kedro.option_types import Device
from tpige_kedro.weights.published import Weights, require_files


def face_crops(models: FaceModels, pictures: Iterable[Picture]) -> Iterator[Picture]:
    """The upright face (224, 224, 3) of every picture (h, w, 3) uint8 RGB that has one."""
    for picture in pictures:
        face = find_face(models, picture)
        if face is not None:
            yield face.crop


def sampled_frames(clips: Iterable[Frames]) -> Iterator[Picture]:
    """Up to 16 even frames of every clip (T, H, W, 3); one that a short clip would repeat counts once."""
    for frames in clips:
        if len(frames):
            yield from frames[distinct_indices(len(frames), SAMPLED_FRAMES)]


class PhotoFaceSetScorer:
    """``face_fid`` and ``face_kid`` of all clips of a variant at once. Needs the extra ``fid``.

    ``source`` is the folder of :class:`~.photo_face.PhotoFaceScorer` with the Inception weights of FID added. ``revision`` pins a
    hub id.

    Raises:
        ModelError: a file or the extra is missing; it says which and where to get it.
    """

    version: ClassVar[int] = 1  # raise it when the same clips give other values
    metrics: tuple[MetricSpec, ...] = (catalog.FACE_FID, catalog.FACE_KID)
    weights: tuple[Weights, ...] = (DETECTOR, RECOGNISER, FID_INCEPTION)
    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "source": (
            "buffalo_l/det_10g.onnx",
            "buffalo_l/w600k_r50.onnx",
            "weights-inception-2015-12-05-6726825d.pth",
        ),
    }

    def __init__(
        self, source: str, revision: str | None = None, device: Device | None = None
    ) -> None:
        folder = require_files(source, self.weights, revision)
        self.features = InceptionFeatures(str(folder / FID_INCEPTION.file), device=device)
        self.models = InsightFaceModels(folder, self.features.device.type)

    def score_set(
        self, clips: Iterable[Frames], references: Iterable[Picture]
    ) -> dict[str, float | Missing]:
        """The distances of a variant's faces to those of the persons' photos, and how many there were.

        Args:
            clips: frames (T, H, W, 3) uint8 RGB, clip by clip; only one is looked at at a time.
            references: the photo of every person once, (h, w, 3) uint8 RGB.
        """
        return set_level_scores(
            face_crops(self.models, sampled_frames(clips)),
            face_crops(self.models, references),
            self.features,
        )
