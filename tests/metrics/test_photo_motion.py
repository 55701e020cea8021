from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from published import write_checkpoint
from tpige_kedro.errors import ModelError
from tpige_kedro.metrics.photo_motion import PhotoMotionScorer
from tpige_kedro.metrics.protocol import Missing, ScoredClip


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> PhotoMotionScorer:
    file = write_checkpoint("amt_s", tmp_path_factory.mktemp("amt"))
    return PhotoMotionScorer(str(file), device="cpu", batch_size=2)


def clip(length: int, height: int, width: int) -> ScoredClip:
    frames = np.random.default_rng(0).integers(0, 256, (length, height, width, 3), np.uint8)
    return ScoredClip(frames, 8.0, Image.new("RGB", (8, 8)), "")


@pytest.mark.parametrize(("height", "width"), [(100, 100), (70, 131), (49, 64)])
def test_any_size_from_49_pixels(scorer: PhotoMotionScorer, height: int, width: int) -> None:
    value = scorer.score(clip(4, height, width))["motion_smoothness"]
    assert isinstance(value, float)
    assert 0 <= value <= 1


def test_smaller_frames_have_a_reason(scorer: PhotoMotionScorer) -> None:
    value = scorer.score(clip(4, 48, 300))["motion_smoothness"]
    assert value == Missing("frames of 300x48 pixels are too small for AMT-S; it needs 49 a side")


@pytest.mark.parametrize("length", [0, 1, 2])
def test_short_clips_have_a_reason(scorer: PhotoMotionScorer, length: int) -> None:
    value = scorer.score(clip(length, 64, 64))["motion_smoothness"]
    assert value == Missing(f"needs at least 3 frames, the clip has {length}")


def test_batches_change_nothing(scorer: PhotoMotionScorer, tmp_path: Path) -> None:
    other = PhotoMotionScorer(
        str(write_checkpoint("amt_s", tmp_path).parent), batch_size=1, device="cpu"
    )
    scored = clip(8, 64, 64)
    one, two = (s.score(scored)["motion_smoothness"] for s in (other, scorer))
    assert one == pytest.approx(two, abs=1e-5)


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"get amt-s.pth from .*lalala125/AMT \(CC BY-NC-SA 4.0\)"):
        PhotoMotionScorer(str(tmp_path))
