"""Finds the one face that counts in a picture, as the paper's face metrics do (section 3.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.faces.alignment import norm_crop
from tpige_kedro.faces.protocol import Face, FaceModels, Picture

CROP_SIDE = 224
MARGIN = 0.25  # of the sides, added all around before the second look
GREY = 128


@dataclass(frozen=True, eq=False)
class FoundFace:
    """The face that counts: ``crop`` (224, 224, 3) uint8 RGB, upright; ArcFace ``embedding`` (512,), not normalised.

    ``among`` is how many faces were seen.
    """

    crop: Picture
    embedding: NDArray[np.float32]
    among: int


def find_face(models: FaceModels, picture: Picture) -> FoundFace | None:
    """The largest face in ``picture`` (h, w, 3) uint8 RGB, or None.

    If none is found, a second look is taken at the picture with a grey margin, so that a face that fills it is seen. Of two
    equally large faces the one that the detector is less sure of counts. The embedding is made from the picture that the
    face was found in, the crop from the picture without the margin. All as published.
    """
    bgr = np.ascontiguousarray(picture[..., ::-1])
    looked_at, shift = bgr, np.zeros(2, np.float32)
    faces = models.detect(bgr)
    if not faces:
        looked_at, shift = with_margin(bgr)
        faces = models.detect(looked_at)
    if not faces:
        return None
    face = largest(faces)
    crop = norm_crop(bgr, face.landmarks - shift, CROP_SIDE)
    embedding = models.embed(looked_at, face)
    return FoundFace(np.ascontiguousarray(crop[..., ::-1]), embedding, len(faces))


def with_margin(picture: Picture) -> tuple[Picture, NDArray[np.float32]]:
    """``picture`` with a quarter of its sides in grey all around, and the place (left, top) of its corner."""
    height, width = picture.shape[:2]
    top, left = int(MARGIN * height), int(MARGIN * width)
    sides = ((top, top), (left, left), (0, 0))
    padded = np.pad(picture, sides, constant_values=GREY)
    return padded, np.array([left, top], np.float32)


def largest(faces: list[Face]) -> Face:
    """The face with the largest box; the last of equals."""
    return sorted(faces, key=lambda face: face.area)[-1]
