"""Stand-ins for the models, deterministic and tiny, so that the house around them is tested in milliseconds.

The pictures that they make depend on everything that a fingerprint should cover; ``FAKES_LOG`` names a file to which each
writes a line when it is loaded and when it works, so that tests see what was redone; ``FAKES_SECONDS`` slows them down.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tpige_kedro.image_editors.protocol import Comparison, EditRequest
from tpige_kedro.metrics import catalog
from tpige_kedro.metrics.protocol import MetricSpec, Missing, ScoredClip
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip


def log(line: str) -> None:
    if path := os.environ.get("FAKES_LOG"):
        with Path(path).open("a") as file:
            file.write(line + "\n")
    time.sleep(float(os.environ.get("FAKES_SECONDS", "0")))


def noise(shape: tuple[int, ...], *parts: Any) -> np.ndarray:
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    low = np.random.default_rng(int.from_bytes(digest[:8])).integers(0, 256, (*shape[:-3], 4, 4, 3))
    return low.repeat(shape[-3] // 4, axis=-3).repeat(shape[-2] // 4, axis=-2).astype(np.uint8)


class Generator:
    """Coloured blocks; fails on prompts with the word ``unmakeable``, stops the run at ``crash``."""

    version = 1

    def __init__(self, **_: Any) -> None:
        log("load generator")

    def generate(
        self, requests: Sequence[ClipRequest], guidance: Guidance
    ) -> Iterator[tuple[ClipRequest, GeneratedClip | Exception]]:
        for request in requests:
            log(f"generate {request.sample_id}")
            if "crash" in request.prompt:
                raise MemoryError("the device has no memory left")
            if "unmakeable" in request.prompt:
                yield request, RuntimeError(f"{request.sample_id}: the model refused this prompt")
                continue
            seen = np.asarray(request.references[0].resize((4, 4))).tobytes().hex()
            frames = noise((5, 32, 32, 3), request.prompt, request.seed, seen, guidance)
            yield request, GeneratedClip(frames, fps=8, details={"steps": 1})


class Reader:
    """Sees the same face in everybody."""

    version = 1

    def __init__(self, **_: Any) -> None:
        log("load reader")

    def read_face(self, reference: Image.Image) -> FaceAttributes:
        log("read face")
        return FaceAttributes(
            age=Attribute("elderly"), gender=Attribute("man"), hair=Attribute("red hair")
        )


class Editor:
    """Mirrors the reference."""

    version = 1

    def __init__(self, **_: Any) -> None:
        log("load editor")

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Image.Image | Exception]]:
        for request in requests:
            log(f"edit {request.sample_id}")
            yield request, request.reference.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


class Judge:
    """Finds every candidate good."""

    version = 1

    def __init__(self, **_: Any) -> None:
        log("load judge")

    def compare(self, original: Image.Image, candidate: Image.Image) -> Comparison:
        return Comparison(face_visible=True, similarity=0.9, sharpness=1.0)


def spec(name: str) -> MetricSpec:
    """As the project's own scorers declare it."""
    return catalog.METRICS[name]


METRICS = ("gme_score", "cur_score", "arc_score", "motion_smoothness", "imaging_quality")


class Scorer:
    """Brightness under the names of the paper's metrics; no face where the prompt says ``faceless``."""

    version = 1
    metrics = (
        spec("gme_score"),
        spec("cur_score"),
        spec("arc_score"),
        spec("motion_smoothness"),
        spec("imaging_quality"),
    )

    def __init__(self, **_: Any) -> None:
        log("load scorer")

    def score(self, clip: ScoredClip) -> dict[str, float | Missing]:
        log("score")
        channels = {name: clip.frames[..., i % 3] for i, name in enumerate(METRICS)}
        names = [m.name for m in self.metrics]
        values: dict[str, float | Missing] = {n: float(channels[n].mean() / 255) for n in names}
        if "faceless" in clip.prompt:
            unseen = Missing("no face in any frame")
            values |= {n: unseen for n in names if n in ("cur_score", "arc_score")}
        return values


class FaceScorer(Scorer):
    metrics = (spec("cur_score"), spec("arc_score"))


class AlignmentScorer(Scorer):
    metrics = (spec("gme_score"),)


class MotionScorer(Scorer):
    metrics = (spec("motion_smoothness"),)


class ImagingScorer(Scorer):
    metrics = (spec("imaging_quality"),)


class ClipScorer(Scorer):
    """A metric that is no part of the overall score."""

    metrics = (spec("clip_score"),)

    def score(self, clip: ScoredClip) -> dict[str, float | Missing]:
        return {"clip_score": 0.25}


class Unloadable(Generator):
    """Half a file."""

    metrics = (spec("clip_score"),)

    def __init__(self, **_: Any) -> None:
        log("load unloadable")
        raise OSError("half a file")

    def score(self, clip: ScoredClip) -> dict[str, float | Missing]:
        raise AssertionError

    def edit(self, requests: Any) -> Any:
        raise AssertionError


class SetScorer:
    """How far the mean brightness of all frames is from that of all photos; missing where a clip is too dark."""

    version = 1
    metrics = (spec("face_fid"), spec("face_kid"))

    def __init__(self, **_: Any) -> None:
        log("load set scorer")

    def score_set(
        self, clips: Iterable[np.ndarray], references: Iterable[np.ndarray]
    ) -> dict[str, float | Missing]:
        log("score set")
        seen = [float(frames.mean()) for frames in clips]
        photos = [float(photo.mean()) for photo in references]
        few = Missing(f"needs 2 clips, there is {len(seen)}")
        return {
            "face_fid": abs(np.mean(seen) - np.mean(photos)),
            "face_kid": few if len(seen) < 2 else float(np.var(seen)),
            "face_crops": float(len(seen)),
            "reference_crops": float(len(photos)),
        }
