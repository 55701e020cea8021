"""Judges redrawn photos: is a face visible, is it the same one, is it sharp."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tpige_kedro.errors import NoFaceError
from tpige_kedro.faces.finding import find_face
from tpige_kedro.faces.insightface_models import DETECTOR, RECOGNISER, InsightFaceModels
from tpige_kedro.faces.sharpness import sharpness
from tpige_kedro.image_editors.protocol import Comparison
from tpige_kedro.option_types import Device

if TYPE_CHECKING:
    from PIL.Image import Image

    from tpige_kedro.faces.protocol import FaceModels, Picture
    from tpige_kedro.weights.published import Weights


class PhotoJudge:
    """A :class:`~.protocol.ReferenceJudge` by ``buffalo_l``; ``source`` holds the unpacked folder. ``revision`` pins a hub id.

    It measures likeness with the network of ArcScore, so that the choice of references favours that metric a little.
    """

    version: ClassVar[int] = 1  # raise it when the same pictures compare otherwise
    weights: tuple[Weights, ...] = (DETECTOR, RECOGNISER)
    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "source": (
            "buffalo_l/det_10g.onnx",
            "buffalo_l/w600k_r50.onnx",
        ),
    }

    def __init__(
        self, source: str, revision: str | None = None, device: Device | None = None
    ) -> None:
        self._models: FaceModels = InsightFaceModels(source, device, revision)

    def compare(self, original: Image, candidate: Image) -> Comparison:
        """The candidate's face against the original's; sharpness of the candidate's face, upright at 224 pixels.

        Where no face is seen, the sharpness is that of the whole picture.

        Raises:
            NoFaceError: the original shows no face.
        """
        anchor = find_face(self._models, pixels(original))
        if anchor is None:
            raise NoFaceError(
                "no face is visible in the original reference; use a portrait with an uncovered face"
            )
        found = find_face(self._models, pixels(candidate))
        if found is None:
            return Comparison(False, None, sharpness(pixels(candidate)))
        lengths = np.linalg.norm(anchor.embedding) * np.linalg.norm(found.embedding)
        similarity = float(anchor.embedding @ found.embedding / lengths)
        return Comparison(True, similarity, sharpness(found.crop))


def pixels(picture: Image) -> Picture:
    """(h, w, 3) uint8 RGB; transparency is ignored."""
    return np.asarray(picture.convert("RGB"))
