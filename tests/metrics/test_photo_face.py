from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from published import write_checkpoint
from tiny_buffalo import red_squares, write_pack
from tpige_kedro.errors import ModelError
from tpige_kedro.metrics.face_metrics import COLUMNS
from tpige_kedro.metrics.photo_face import PhotoFaceScorer
from tpige_kedro.metrics.protocol import Missing, ScoredClip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_pack(tmp_path_factory.mktemp("photo_face"))
    for name in ("ir101", "inception_v3"):
        write_checkpoint(name, made)
    return made


@pytest.fixture(scope="module")
def scorer(folder: Path) -> PhotoFaceScorer:
    return PhotoFaceScorer(str(folder), device="cpu", batch_size=2)


def clip(frames: np.ndarray, reference: np.ndarray) -> ScoredClip:
    return ScoredClip(frames, 8.0, Image.fromarray(reference), "a prompt")


def test_a_clip_through_insightface_and_both_networks(scorer: PhotoFaceScorer) -> None:
    face, none = red_squares(320, 320, [(4, 4)]), red_squares(320, 320, [])
    values = scorer.score(clip(np.stack([face, none]), face))
    assert set(values) == {spec.name for spec in scorer.metrics} == set(COLUMNS)
    assert values["face_rate"] == 15 / 16  # the first frame is repeated, the last is not
    assert values["arc_score"] == pytest.approx(1)
    assert values["cur_score"] == pytest.approx(1)
    assert values["face_feature_sqdist"] == pytest.approx(0)


def test_two_equal_faces_of_100_by_100(scorer: PhotoFaceScorer) -> None:
    both = red_squares(100, 100, [(2, 2), (6, 6)], 10)
    values = scorer.score(clip(both[None], both))
    assert values["multi_face_rate"] == 1
    assert not isinstance(values["cur_score"], Missing)


def test_every_missing_file_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as raised:
        PhotoFaceScorer(str(tmp_path / "photo_face"))
    for part in (
        "buffalo_l/det_10g.onnx",
        "buffalo_l/w600k_r50.onnx",
        "glint360k_curricular_face_r101_backbone.bin",
        "inception_v3_google-0cc3c7bd.pth",
        "https://huggingface.co/BestWishYsh/ConsisID-preview",
        f"put it into {tmp_path / 'photo_face'}",
    ):
        assert part in str(raised.value)


def test_it_declares_what_it_judges_with() -> None:
    for spec in PhotoFaceScorer.metrics:
        assert spec.protocol and spec.source
    assert all(w.licence and w.published for w in PhotoFaceScorer.weights)
