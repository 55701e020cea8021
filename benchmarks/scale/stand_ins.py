"""Stand-ins for all networks behind the product's protocols: instant and deterministic, so that only the house is timed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.metrics.protocol import MetricSpec, ScoredClip
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip

FAMILIES = {  # the metrics of the paper's scorers and of ours, by scorer
    "face": ("cur_score", "arc_score", "face_feature_sqdist", "face_rate"),
    "alignment": ("clip_score", "gme_score", "gme_score_enhanced"),
    "motion": ("motion_smoothness",),
    "imaging": ("imaging_quality",),
}


def draw(*parts: Any) -> np.random.Generator:
    """Random numbers that follow from ``parts``."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))


class Generator:
    """Coloured blocks of 9 x 32 x 32."""

    version: ClassVar[int] = 1

    def __init__(self, **_: Any) -> None: ...

    def generate(
        self, requests: Sequence[ClipRequest], guidance: Guidance
    ) -> Iterator[tuple[ClipRequest, GeneratedClip | Exception]]:
        for request in requests:
            numbers = draw(request.prompt, request.seed, guidance)
            blocks = numbers.integers(0, 256, (9, 4, 4, 3), np.uint8)
            yield request, GeneratedClip(blocks.repeat(8, 1).repeat(8, 2), fps=8)


class Reader:
    """Sees the same face in everybody."""

    version: ClassVar[int] = 1

    def __init__(self, **_: Any) -> None: ...

    def read_face(self, reference: Image.Image) -> FaceAttributes:
        hair = Attribute("red hair")
        return FaceAttributes(age=Attribute("elderly"), gender=Attribute("man"), hair=hair)


class Editor:
    """Mirrors the reference, 64 pixels wide."""

    version: ClassVar[int] = 1

    def __init__(self, **_: Any) -> None: ...

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Image.Image | Exception]]:
        for request in requests:
            small = request.reference.resize((64, 64))
            yield request, small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


class Scorer:
    """Numbers that follow from the pixels, under the names of the metrics of a ``family``."""

    version: ClassVar[int] = 1

    def __init__(self, family: str, **_: Any) -> None:
        self.metrics = tuple(
            MetricSpec(name, name, 0, 1, "higher", "a stand-in") for name in FAMILIES[family]
        )

    def score(self, clip: ScoredClip) -> dict[str, float]:
        numbers = draw(clip.frames.tobytes())
        return {metric.name: float(numbers.random()) for metric in self.metrics}
