from __future__ import annotations

import numpy as np

from tpige_kedro.faces.alignment import TEMPLATE, norm_crop
from tpige_kedro.faces.finding import find_face, with_margin
from tpige_kedro.faces.protocol import Face, Picture


def face(left: float, top: float, width: float, height: float) -> Face:
    box = np.array([left, top, left + width, top + height], np.float32)
    return Face(box, TEMPLATE * np.float32(width / 112) + box[:2])


class Answers:
    """Gives prepared answers, one a look, and embeds a face by its place."""

    def __init__(self, *looks: list[Face]) -> None:
        self.looks = list(looks)
        self.seen: list[Picture] = []
        self.embedded: list[Picture] = []

    def detect(self, picture: Picture) -> list[Face]:
        self.seen.append(picture)
        return self.looks.pop(0)

    def embed(self, picture: Picture, face: Face) -> np.ndarray:
        self.embedded.append(picture)
        return np.float32([*face.box])


PICTURE = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)


def test_the_largest_face_counts_and_the_number_is_told() -> None:
    small, large = face(0, 0, 10, 10), face(20, 5, 20, 30)
    found = find_face(Answers([small, large, small]), PICTURE)
    assert found is not None
    assert found.embedding.tolist() == large.box.tolist()
    assert found.among == 3


def test_of_two_equal_faces_the_last_counts() -> None:
    first, last = face(0, 0, 20, 20), face(40, 30, 20, 20)
    found = find_face(Answers([first, last]), PICTURE)
    assert found is not None
    assert found.embedding.tolist() == last.box.tolist()


def test_the_models_see_bgr_and_the_crop_is_rgb() -> None:
    seen = face(20, 5, 40, 40)
    models = Answers([seen])
    found = find_face(models, PICTURE)
    assert found is not None
    np.testing.assert_array_equal(models.seen[0], PICTURE[..., ::-1])
    np.testing.assert_array_equal(found.crop, norm_crop(PICTURE, seen.landmarks, 224))


def test_a_second_look_has_a_grey_margin_and_the_crop_has_none() -> None:
    at = face(40, 25, 40, 40)  # in the picture with the margin
    models = Answers([], [at])
    found = find_face(models, PICTURE)
    assert found is not None
    padded, (left, top) = with_margin(np.ascontiguousarray(PICTURE[..., ::-1]))
    np.testing.assert_array_equal(models.seen[1], padded)
    np.testing.assert_array_equal(models.embedded[0], padded)  # the embedding sees the grey
    marks = at.landmarks - np.float32([left, top])
    np.testing.assert_array_equal(found.crop, norm_crop(PICTURE, marks, 224))


def test_no_face_after_two_looks() -> None:
    models = Answers([], [])
    assert find_face(models, PICTURE) is None
    assert len(models.seen) == 2
