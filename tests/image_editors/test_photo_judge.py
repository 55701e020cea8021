from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tiny_buffalo import red_squares, write_pack
from tpige_kedro.errors import ModelError, NoFaceError
from tpige_kedro.image_editors.choice import choose, judge_candidates
from tpige_kedro.image_editors.photo_judge import PhotoJudge


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> PhotoJudge:
    return PhotoJudge(str(write_pack(tmp_path_factory.mktemp("pack"))), device="cpu")


def photo(*cells: tuple[int, int]) -> Image.Image:
    return Image.fromarray(red_squares(320, 320, list(cells)))


def test_the_same_picture_is_the_same_face(judge: PhotoJudge) -> None:
    seen = judge.compare(photo((4, 4)), photo((4, 4)))
    assert seen.face_visible
    assert seen.similarity == pytest.approx(1)


def test_blur_costs_sharpness(judge: PhotoJudge) -> None:
    grainy = red_squares(320, 320, [(4, 4)])
    grainy[..., 1:] = np.random.default_rng(0).integers(0, 256, (320, 320, 2))
    original = Image.fromarray(grainy)
    blurred = original.filter(ImageFilter.GaussianBlur(2))
    assert judge.compare(original, blurred).sharpness < judge.compare(original, original).sharpness


def test_no_face_in_either(judge: PhotoJudge) -> None:
    seen = judge.compare(photo((4, 4)), photo())
    assert (seen.face_visible, seen.similarity) == (False, None)
    assert seen.sharpness == 0  # plain grey
    with pytest.raises(NoFaceError, match="no face is visible in the original"):
        judge.compare(photo(), photo((4, 4)))


def test_transparency_is_ignored(judge: PhotoJudge) -> None:
    clear = photo((4, 4)).convert("RGBA")
    clear.putalpha(0)
    assert judge.compare(clear, photo((4, 4))).similarity == pytest.approx(1)


def test_it_chooses(judge: PhotoJudge) -> None:
    original = photo((4, 4))
    pictures = [(1, photo()), (2, original)]
    best = choose(judge_candidates(judge, original, pictures), 0.3).best
    assert best is not None
    assert best.seed == 2


def test_a_missing_pack(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"buffalo_l.zip"):
        PhotoJudge(str(tmp_path))
