"""The published weights themselves, where they are: ``TPIGE_WEIGHTS`` names a folder with ``photo_face/``, ``amt-s.pth`` and
``musiq_spaq_ckpt-358bb6af.pth`` as docs/models.md describes them. The picture is NASA's portrait of Eileen Collins."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tpige_kedro.image_editors.photo_judge import PhotoJudge
from tpige_kedro.metrics.photo_face import PhotoFaceScorer
from tpige_kedro.metrics.photo_imaging import PhotoImagingScorer
from tpige_kedro.metrics.photo_motion import PhotoMotionScorer
from tpige_kedro.metrics.protocol import ScoredClip

FOLDER = Path(os.environ.get("TPIGE_WEIGHTS", "/nowhere"))


def weights(name: str) -> str:
    if not (FOLDER / name).exists():
        pytest.skip("weights absent")
    return str(FOLDER / name)


def portrait() -> Image.Image:
    from skimage.data import astronaut

    return Image.fromarray(astronaut())


def clip(*pictures: Image.Image) -> ScoredClip:
    return ScoredClip(np.stack([np.asarray(p) for p in pictures]), 8.0, portrait(), "an astronaut")


def test_a_portrait_is_its_own_person() -> None:
    scorer = PhotoFaceScorer(weights("photo_face"))
    mirrored = portrait().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    same, other = scorer.score(clip(portrait())), scorer.score(clip(mirrored))
    assert same["face_rate"] == other["face_rate"] == 1
    for metric in ("cur_score", "arc_score"):
        assert same[metric] == pytest.approx(1, abs=1e-4)
        assert 0.6 < other[metric] < 1  # type: ignore[operator]
    assert same["face_feature_sqdist"] == pytest.approx(0, abs=1e-3)
    grey = scorer.score(clip(Image.new("RGB", (512, 512), "grey")))
    assert grey["face_rate"] == grey["cur_score"] == 0


def test_the_judge_knows_the_portrait_and_its_blur() -> None:
    judge = PhotoJudge(weights("photo_face"))
    seen = judge.compare(portrait(), portrait())
    blurred = judge.compare(portrait(), portrait().filter(ImageFilter.GaussianBlur(3)))
    assert seen.similarity == pytest.approx(1, abs=1e-4)
    assert blurred.sharpness < seen.sharpness


def test_a_frozen_clip_is_smooth_and_noise_is_not() -> None:
    scorer = PhotoMotionScorer(weights("amt-s.pth"))
    small = portrait().resize((256, 256))
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8))
    frozen = scorer.score(clip(small, small, small))["motion_smoothness"]
    flicker = scorer.score(clip(small, noise, small))["motion_smoothness"]
    assert frozen > 0.98  # type: ignore[operator]
    assert flicker < 0.9  # type: ignore[operator]


def test_quality_is_on_its_scale_and_falls_with_blur() -> None:
    scorer = PhotoImagingScorer(weights("musiq_spaq_ckpt-358bb6af.pth"))
    sharp = scorer.score(clip(portrait()))["imaging_quality"]
    blurred = scorer.score(clip(portrait().filter(ImageFilter.GaussianBlur(4))))["imaging_quality"]
    assert 0.4 < sharp < 1  # type: ignore[operator]
    assert blurred < sharp - 0.1  # type: ignore[operator]
