from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from published import write_checkpoint
from tpige_kedro.errors import ModelError
from tpige_kedro.metrics.face_similarity import NO_FRAMES
from tpige_kedro.metrics.photo_imaging import PhotoImagingScorer
from tpige_kedro.metrics.protocol import ScoredClip


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> PhotoImagingScorer:
    file = write_checkpoint("musiq", tmp_path_factory.mktemp("musiq"))
    return PhotoImagingScorer(str(file), device="cpu", batch_size=2)


@pytest.mark.parametrize(("length", "height", "width"), [(1, 100, 100), (3, 33, 71), (2, 20, 600)])
def test_clips_of_any_size_and_length(
    scorer: PhotoImagingScorer, length: int, height: int, width: int
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (length, height, width, 3), np.uint8)
    scored = ScoredClip(frames, 8.0, Image.new("RGB", (8, 8)), "")
    assert np.isfinite(scorer.score(scored)["imaging_quality"])


def test_no_frames(scorer: PhotoImagingScorer) -> None:
    empty = ScoredClip(np.zeros((0, 8, 8, 3), np.uint8), 8.0, Image.new("RGB", (8, 8)), "")
    assert scorer.score(empty) == {"imaging_quality": NO_FRAMES}


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"get musiq_spaq_ckpt-358bb6af.pth from https"):
        PhotoImagingScorer(str(tmp_path))
