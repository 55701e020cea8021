from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageFilter

from tpige_kedro.errors import NoFaceError
from tpige_kedro.image_editors.protocol import Comparison
from tpige_kedro.metrics.protocol import ScoredClip
from tpige_kedro.mini.identity import MiniIdentity, sharpness

Shipped = Callable[[str], str]
DrawClip = Callable[..., ScoredClip]


def test_a_picture_compares_with_itself(
    shipped: Shipped, portraits: list[Image.Image], draw_clip: DrawClip
) -> None:
    judge = MiniIdentity(shipped("face"))
    same = judge.compare(portraits[0], portraits[0])
    assert same.face_visible
    assert same.similarity == pytest.approx(1.0, abs=1e-4)
    scene = judge.compare(portraits[0], Image.fromarray(draw_clip(0, role=1).frames[0]))
    stranger = judge.compare(portraits[0], portraits[5])
    assert scene.similarity is not None and stranger.similarity is not None
    assert stranger.similarity < 0.4 < scene.similarity


def test_blur_lowers_sharpness(shipped: Shipped, portraits: list[Image.Image]) -> None:
    judge = MiniIdentity(shipped("face"))
    soft = portraits[0].filter(ImageFilter.GaussianBlur(1.5))
    assert (
        judge.compare(portraits[0], soft).sharpness
        < 0.5 * judge.compare(portraits[0], portraits[0]).sharpness
    )


def test_a_faceless_candidate_and_a_faceless_original(
    shipped: Shipped, portraits: list[Image.Image]
) -> None:
    judge = MiniIdentity(shipped("face"))
    wall = Image.new("RGB", (80, 80), (120, 130, 140))
    found = judge.compare(portraits[0], wall)
    assert (found.face_visible, found.similarity) == (False, None)
    with pytest.raises(NoFaceError, match="original reference"):
        judge.compare(wall, portraits[0])


def test_it_loads_what_training_writes(trained: Path, portraits: list[Image.Image]) -> None:
    try:
        found = MiniIdentity(str(trained / "face"), device="cpu").compare(
            portraits[0], portraits[1]
        )
    except NoFaceError:
        return
    assert isinstance(found, Comparison)


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    flat, stripes = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    stripes[..., ::2] = -1
    assert sharpness(flat).item() == 0
    # every inner pixel differs by 2 from both its horizontal neighbours: the Laplacian is +-4
    assert sharpness(stripes).item() == pytest.approx(16.0, rel=0.05)
