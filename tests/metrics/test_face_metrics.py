from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tpige_kedro.faces.alignment import TEMPLATE
from tpige_kedro.faces.protocol import Face, Picture
from tpige_kedro.metrics.face_metrics import COLUMNS, FaceMetrics, curricular_input, inception_input
from tpige_kedro.metrics.face_similarity import FACELESS_CLIP, FACELESS_REFERENCE, NO_FRAMES
from tpige_kedro.metrics.protocol import Missing, ScoredClip

FACE_COLOUR = 200  # of the red channel: a picture whose first pixel has it shows so many faces as its green channel says


class ByColour:
    """Sees as many faces as the green of the first pixel says; the blue decides who it is."""

    def __init__(self) -> None:
        self.looks = 0

    def detect(self, picture: Picture) -> list[Face]:
        self.looks += 1
        _, green, red = picture[0, 0].tolist()
        count = green if red == FACE_COLOUR else 0
        boxes = [np.float32([0, 0, 50 + i, 50 + i]) for i in range(count)]
        return [Face(box, TEMPLATE) for box in boxes]

    def embed(self, picture: Picture, face: Face) -> np.ndarray:
        angle = picture[0, 0, 0] / 255 * np.pi
        return np.float32([np.cos(angle), np.sin(angle)])


def means(images: torch.Tensor) -> torch.Tensor:
    """One number per channel."""
    return images.mean((2, 3)) + 2


def picture(person: int, faces: int = 1, height: int = 100, width: int = 100) -> np.ndarray:
    made = np.full((height, width, 3), 30 + person, np.uint8)
    made[0, 0] = (FACE_COLOUR, faces, person)
    return made


def clip(frames: list[np.ndarray], reference: np.ndarray) -> ScoredClip:
    return ScoredClip(np.stack(frames), 8.0, Image.fromarray(reference), "a prompt")


@pytest.fixture
def models() -> ByColour:
    return ByColour()


@pytest.fixture
def metrics(models: ByColour) -> FaceMetrics:
    return FaceMetrics(models, means, means, batch_size=3)


def test_every_column_is_there_and_one_person_is_alike(metrics: FaceMetrics) -> None:
    values = metrics.score(clip([picture(0)] * 20, picture(0)))
    assert set(values) == set(COLUMNS)
    assert [values["arc_score"], values["cur_score"]] == pytest.approx([1, 1])
    assert values["face_feature_sqdist"] == pytest.approx(0)
    assert values["face_rate"] == 1
    assert values["multi_face_rate"] == 0


@pytest.mark.parametrize("length", [1, 8, 16, 81])
def test_short_clips_repeat_frames_and_each_is_looked_at_once(
    metrics: FaceMetrics, models: ByColour, length: int
) -> None:
    frames = [picture(i % 2 * 100) for i in range(length)]
    values = metrics.score(clip(frames, picture(0)))
    assert models.looks == 1 + min(length, 16)
    if length == 8:  # frames 0 0 0 1 1 2 2 3 3 4 4 5 5 6 6 7
        alike = 9 / 16
        other = max(0, np.cos(100 / 255 * np.pi))
        assert values["arc_score"] == pytest.approx(alike + (1 - alike) * other, abs=1e-6)


def test_a_frame_that_a_short_clip_repeats_counts_as_often_in_every_rate(
    metrics: FaceMetrics,
) -> None:
    """The second of two frames is one of the sixteen."""
    values = metrics.score(clip([picture(0), picture(0, faces=3)], picture(0)))
    assert values["multi_face_rate"] == 1 / 16 and values["face_rate"] == 1
    values = metrics.score(clip([picture(0), picture(0, faces=0)], picture(0)))
    assert values["face_rate"] == 15 / 16
    assert values["cur_score_missing_as_zero"] == pytest.approx(15 / 16)
    assert values["multi_face_rate"] == 0


def test_a_faceless_clip(metrics: FaceMetrics) -> None:
    values = metrics.score(clip([picture(0, faces=0)] * 4, picture(0)))
    assert values["cur_score"] == values["arc_score"] == values["face_rate"] == 0
    assert values["cur_score_missing_as_zero"] == 0
    assert values["face_feature_sqdist"] == values["arc_score_worst_frame"] == FACELESS_CLIP


def test_a_faceless_reference(metrics: FaceMetrics) -> None:
    values = metrics.score(clip([picture(0)] * 4, picture(0, faces=0)))
    for name in set(COLUMNS) - {"face_rate", "multi_face_rate", "identity_spread"}:
        assert values[name] == FACELESS_REFERENCE
    assert values["identity_spread"] == pytest.approx(0, abs=1e-6)
    assert values["face_rate"] == 1


def test_no_frames(metrics: FaceMetrics) -> None:
    empty = ScoredClip(np.zeros((0, 8, 8, 3), np.uint8), 8.0, Image.new("RGB", (8, 8)), "")
    assert set(metrics.score(empty).values()) == {NO_FRAMES}


def test_several_faces_and_missing_ones_show_in_the_columns_beside(metrics: FaceMetrics) -> None:
    frames = [picture(0), picture(0, faces=2), picture(0, faces=0), picture(0, faces=3)]
    values = metrics.compare(frames, picture(0), range(4))
    assert values["multi_face_rate"] == 0.5
    assert values["face_rate"] == 0.75
    assert values["arc_score"] == pytest.approx(1)
    assert values["arc_score_missing_as_zero"] == pytest.approx(0.75)
    worst = metrics.compare([picture(0), picture(200)], picture(0), range(2))
    assert worst["arc_score_worst_frame"] == 0  # the cosine is negative


@pytest.mark.parametrize("mode", ["RGBA", "L", "P"])
def test_references_of_other_kinds_are_read_as_rgb(metrics: FaceMetrics, mode: str) -> None:
    reference = Image.fromarray(picture(5)).convert(mode)
    if mode == "RGBA":
        reference.putalpha(7)  # nearly invisible, and still a face
    scored = ScoredClip(np.stack([picture(5)] * 3), 8.0, reference, "")
    values = metrics.score(scored)
    if mode == "RGBA":
        assert values["arc_score"] == pytest.approx(1)
    assert set(values) == set(COLUMNS)


def test_clips_of_different_sizes_one_after_another(metrics: FaceMetrics) -> None:
    for height, width in ((100, 100), (480, 832), (33, 71)):
        frames = [picture(0, height=height, width=width)] * 2
        assert not isinstance(metrics.score(clip(frames, picture(0)))["cur_score"], Missing)


def test_what_the_networks_are_given() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    small, large = curricular_input(crop), inception_input(crop)
    assert small.shape == (3, 112, 112) and large.shape == (3, 299, 299)
    assert small.dtype == large.dtype == np.float32
    mean_of_four = crop.astype(float).reshape(112, 2, 112, 2, 3).mean((1, 3)).transpose(2, 0, 1)
    np.testing.assert_allclose((small + 1) * 127.5, mean_of_four, atol=0.51)
    assert 0 <= large.min() < large.max() <= 1
