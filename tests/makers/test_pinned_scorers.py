"""Scorers of clips and of sets, on clips with everything that a clip may have: faces that move, blur, change, hide."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from makers.pinning import Checkpoints, Pin
from makers.rule_weights import rule_weights
from makers.summaries import clip_of, of_values, of_weights, photo
from published import PUBLISHED
from tiny_buffalo import red_squares
from tiny_text_models import tiny_clip, tiny_gme
from tpige_kedro.metrics.clip_score import ClipScorer
from tpige_kedro.metrics.face_set import FID_INCEPTION
from tpige_kedro.metrics.gme_score import GmeScorer
from tpige_kedro.metrics.motion_amount import MotionAmountScorer
from tpige_kedro.metrics.photo_face import PhotoFaceScorer
from tpige_kedro.metrics.photo_face_set import PhotoFaceSetScorer
from tpige_kedro.metrics.photo_imaging import PhotoImagingScorer
from tpige_kedro.metrics.photo_motion import PhotoMotionScorer
from tpige_kedro.metrics.protocol import ScoredClip
from tpige_kedro.mini.scorers import (
    MiniAlignmentScorer,
    MiniFaceScorer,
    MiniImagingScorer,
    MiniMotionScorer,
)
from tpige_kedro.models import local_path

PROMPT = "A video of an astronaut nodding gently on a sunny beach."
ENHANCED = "A video of an astronaut, an elderly man with red hair, nodding gently on a sunny beach."


def clip(frames: np.ndarray, reference: np.ndarray | None = None, **more: Any) -> ScoredClip:
    shown = photo(1) if reference is None else reference
    asked = {"prompt": PROMPT, "enhanced_prompt": ENHANCED, **more}
    return ScoredClip(frames, 8.0, Image.fromarray(shown), **asked)


@pytest.mark.parametrize(
    ("scorer", "folder"),
    [
        (MiniFaceScorer, "face"),
        (MiniAlignmentScorer, "alignment"),
        (MiniMotionScorer, "interpolation"),
        (MiniImagingScorer, "imaging"),
    ],
)
def test_mini_scorers(pin: Pin, scorer: Any, folder: str) -> None:
    place = str(local_path(f"data/06_models/mini/{folder}"))
    made, frames = scorer(place, device="cpu"), clip_of(1, 2)
    larger = frames.repeat(2, axis=1).repeat(2, axis=2)[:6, 10:]
    blind = np.full((80, 80, 3), 90, np.uint8)
    pin(
        scorer,
        {
            **of_weights(place),
            "a clip": of_values(made.score(clip(frames))),
            "short and larger": of_values(made.score(clip(larger, prompt=ENHANCED))),
            "no face": of_values(made.score(clip(np.stack([blind] * 4)))),
            "no face in the photo": of_values(made.score(clip(frames[:4], blind))),
            "no frames": of_values(made.score(clip(frames[:0]))),
        },
    )


def test_motion_amount(pin: Pin) -> None:
    made, frames = MotionAmountScorer(), clip_of(1, 2)
    larger = frames.repeat(2, axis=1).repeat(2, axis=2)[:6, 10:]
    pin(
        MotionAmountScorer,
        {
            "a clip": of_values(made.score(clip(frames))),
            "short and larger": of_values(made.score(clip(larger))),
            "one frame": of_values(made.score(clip(frames[:1]))),
            "no frames": of_values(made.score(clip(frames[:0]))),
        },
    )


@pytest.mark.parametrize(
    ("scorer", "save", "dtype"),
    [(GmeScorer, tiny_gme, "float32"), (ClipScorer, tiny_clip, "float32")],
)
def test_text_scorers(
    pin: Pin, checkpoints: Checkpoints, scorer: Any, save: Any, dtype: str
) -> None:
    folder = checkpoints(f"text_{save.__name__}", save)
    made = scorer(folder, device="cpu", dtype=dtype, batch_size=3)
    frames = clip_of(1, 2, 35)
    long = clip(frames[:2, 10:70], prompt="An elderly man. " * 30, enhanced_prompt=None)
    pin(
        scorer,
        {
            "a clip": of_values(made.score(clip(frames))),
            "a long prompt": of_values(made.score(long)),
            "no prompt": of_values(made.score(clip(frames[:1], prompt=" "))),
            "no frames": of_values(made.score(clip(frames[:0]))),
        },
    )


def rule_made(name: str, folder: Path, **gains: float) -> Path:
    """The file of a published checkpoint, with weights by rule."""
    _, weights, table = PUBLISHED[name]
    shapes = {key: shape for key, shape, *_ in json.loads(table.read_text())}
    torch.save(rule_weights(shapes, gains), folder / weights.file)
    return folder


def people(*cells: list[tuple[int, int]]) -> np.ndarray:
    """Pictures (n, 320, 320, 3) with faces in the given cells, each a little different."""
    grain = np.random.RandomState(0).randint(0, 100, (len(cells), 320, 320))
    pictures = np.stack([red_squares(320, 320, places) for places in cells])
    pictures[..., 1] = (pictures[..., 1] + grain).clip(0, 255)
    return pictures


def test_photo_face(pin: Pin, pack: Path) -> None:
    for name, gain in (("ir101", 1.4), ("inception_v3", 1.8)):
        rule_made(name, pack, **{"": gain})
    made = PhotoFaceScorer(str(pack), device="cpu", batch_size=2)
    photos = people([(4, 4)], [(4, 5)], [], [(2, 2), (6, 6)])
    frames = np.stack([photos[2]] * 12 + [photos[1], photos[3]] + [photos[2]] * 2)
    pin(PhotoFaceScorer, {"a clip": of_values(made.score(clip(frames, photos[0])))})


def test_photo_face_set(pin: Pin, pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is of the extra ``fid``; means over a coarse grid stand in for its features."""

    class Extractor(torch.nn.Module):
        def __init__(self, *_: Any, **__: Any) -> None:
            super().__init__()

        def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor]:
            pixels = 20 * (pictures.float() / 255 - 0.4)
            return (torch.nn.functional.avg_pool2d(pixels, 112).flatten(1),)

    module = ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Extractor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    torch.save({}, pack / FID_INCEPTION.file)
    made = PhotoFaceSetScorer(str(pack), device="cpu")
    photos = people([(4, 4)], [(4, 5)], [], [(2, 2), (6, 6)], [(3, 3)], [(5, 2)])
    clips = [np.stack([photos[0]] * 9 + [photos[1]] * 9), photos[1:4], photos[:0]]
    pin(
        PhotoFaceSetScorer,
        {
            "a set": of_values(made.score_set(clips, photos[3:])),
            "too few": of_values(made.score_set(clips[2:], photos[3:])),
        },
    )


@pytest.mark.parametrize(
    ("scorer", "name", "gains"),
    [(PhotoMotionScorer, "amt_s", {}), (PhotoImagingScorer, "musiq", {"head": 100.0})],
)
def test_photo_scorers(
    pin: Pin, tmp_path: Path, scorer: Any, name: str, gains: dict[str, float]
) -> None:
    made = scorer(str(rule_made(name, tmp_path, **gains)), device="cpu", batch_size=2)
    frames = clip_of(1, 2, 8)
    wide = np.concatenate([photo(person, side=240) for person in (1, 2, 3)], axis=1)[None]
    pin(
        scorer,
        {
            "a clip": of_values(made.score(clip(frames[2:5, :70]))),
            "wide": of_values(made.score(clip(wide[:, :, :660]))),
            "small": of_values(made.score(clip(frames[:3, :40, :40]))),
            "no frames": of_values(made.score(clip(frames[:0]))),
        },
    )
