"""The metrics of the laptop run: small networks behind the same protocol and the same arithmetic as the real ones.

They look at pixels and text only, at clips of any size; every clip is brought to 80x80 first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tpige_kedro.metrics import catalog
from tpige_kedro.metrics.face_similarity import (
    NO_FRAMES,
    face_feature_sqdist,
    face_rate,
    identity_scores,
    identity_spread,
)
from tpige_kedro.metrics.frame_sampling import distinct_indices, even_indices
from tpige_kedro.metrics.motion_smoothness import motion_smoothness
from tpige_kedro.metrics.protocol import MetricSpec, Missing, ScoredClip, Values
from tpige_kedro.mini.faces import FaceFinder
from tpige_kedro.mini.networks.alignment import TextFrameAlignment
from tpige_kedro.mini.networks.checkpoint import load_network
from tpige_kedro.mini.networks.frame_interpolator import FrameInterpolator
from tpige_kedro.mini.networks.image_quality import ImageQuality, quality
from tpige_kedro.mini.pictures import (
    clip_to_images,
    picture_to_images,
    to_frames,
)
from tpige_kedro.networks.devices import pick_device
from tpige_kedro.option_types import Device
from tpige_kedro.weights.published import Weights

SAMPLED_FRAMES = 16  # of the face and text metrics, as published
BATCH = 128  # frames at once
SHIPPED = "this project's repository, where it ships"


def in_batches(
    function: Callable[[torch.Tensor], torch.Tensor], frames: torch.Tensor
) -> torch.Tensor:
    """``function`` over ``frames``, some at a time."""
    return torch.cat([function(part) for part in frames.split(BATCH)])


class MiniFaceScorer:
    """Identity: CurScore, ArcScore, the feature distance that the paper prints as FID, and how often a face is seen.

    ``source`` holds ``locator``, ``arcface`` and ``curricularface``. ``revision`` is accepted for hub models and not used.
    """

    version: ClassVar[int] = 2  # raise it when the same clip gives other values
    metrics: tuple[MetricSpec, ...] = (
        catalog.CUR_SCORE,
        catalog.ARC_SCORE,
        catalog.FACE_FEATURE_SQDIST,
        catalog.FACE_RATE,
        catalog.CUR_MISSING_AS_ZERO,
        catalog.ARC_MISSING_AS_ZERO,
        catalog.CUR_WORST_FRAME,
        catalog.ARC_WORST_FRAME,
        catalog.IDENTITY_SPREAD,
    )
    weights: tuple[Weights, ...] = (
        Weights("locator, arcface, curricularface", SHIPPED, "Apache-2.0"),
    )

    def __init__(
        self, source: str, revision: str | None = None, device: Device | None = None
    ) -> None:
        self.find = FaceFinder(source, device)

    def score(self, clip: ScoredClip) -> Values:
        """Compare the face in 16 frames with the one in the reference."""
        if len(clip.frames) == 0:
            return {metric.name: NO_FRAMES for metric in self.metrics}
        kept = even_indices(len(clip.frames), SAMPLED_FRAMES)
        frames = self.find(clip_to_images(clip.frames[kept], self.find.device))
        reference = self.find(picture_to_images(clip.reference, self.find.device))
        known = bool(reference.visible[0])

        def seen(values: torch.Tensor) -> list[NDArray[np.float32] | None]:
            rows = values.float().cpu().numpy()
            return [
                row if v else None for row, v in zip(rows, frames.visible.tolist(), strict=True)
            ]

        def anchor(values: torch.Tensor) -> NDArray[np.float32] | None:
            return values[0].float().cpu().numpy() if known else None

        distinct = [i for i, place in enumerate(kept) if place not in kept[:i]]
        arcface, curricular = seen(frames.arcface), seen(frames.curricularface)
        return {
            **identity_scores(curricular, anchor(reference.curricularface), "cur_score"),
            **identity_scores(arcface, anchor(reference.arcface), "arc_score"),
            "face_feature_sqdist": face_feature_sqdist(
                seen(frames.features), anchor(reference.features)
            ),
            "face_rate": face_rate(arcface),
            "identity_spread": identity_spread([arcface[i] for i in distinct]),
        }


class MiniAlignmentScorer:
    """GMEScore: the mean cosine of the prompt and up to 16 frames, in [-1, 1], about 0.6 where all that is said is shown."""

    version: ClassVar[int] = 1  # raise it when the same clip gives other values
    metrics: tuple[MetricSpec, ...] = (catalog.GME_SCORE,)
    weights: tuple[Weights, ...] = (Weights("model.safetensors", SHIPPED, "Apache-2.0"),)

    def __init__(
        self, source: str, revision: str | None = None, device: Device | None = None
    ) -> None:
        self.device = pick_device(device)
        self.network = load_network(TextFrameAlignment, source, self.device)

    @torch.inference_mode()
    def score(self, clip: ScoredClip) -> Values:
        """Compare the prompt with the frames."""
        if len(clip.frames) == 0:
            return {"gme_score": NO_FRAMES}
        if not clip.prompt.strip():
            return {"gme_score": Missing("the prompt is empty")}
        kept = distinct_indices(len(clip.frames), SAMPLED_FRAMES)
        frames = self.network.frames(clip_to_images(clip.frames[kept], self.device))
        text = self.network.texts(self.network.tokenize([clip.prompt]).to(self.device))
        return {"gme_score": float((frames.double() @ text[0].double()).mean())}


class MiniMotionScorer:
    """Motion smoothness: how close interpolated frames come to the real ones, in [0, 1]."""

    version: ClassVar[int] = 1  # raise it when the same clip gives other values
    metrics: tuple[MetricSpec, ...] = (catalog.MOTION_SMOOTHNESS,)
    weights: tuple[Weights, ...] = (Weights("model.safetensors", SHIPPED, "Apache-2.0"),)

    def __init__(
        self, source: str, revision: str | None = None, device: Device | None = None
    ) -> None:
        self.device = pick_device(device)
        self.network = load_network(FrameInterpolator, source, self.device)

    def score(self, clip: ScoredClip) -> Values:
        """Drop every second frame, predict it and compare."""
        if len(clip.frames) == 0:
            return {"motion_smoothness": NO_FRAMES}
        frames = to_frames(clip_to_images(clip.frames, self.device))
        return {
            "motion_smoothness": motion_smoothness(frames, self.interpolate, device=self.device)
        }

    @torch.inference_mode()
    def interpolate(self, first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """The frames half-way between two stacks (n, 3, h, w) in [0, 1]."""
        middle: torch.Tensor = self.network(first, last).clamp(0, 1)
        return middle


class MiniImagingScorer:
    """Imaging quality: freedom from blur, noise, wrong exposure and coding faults, mean over all frames, in [0, 1]."""

    version: ClassVar[int] = 1  # raise it when the same clip gives other values
    metrics: tuple[MetricSpec, ...] = (catalog.IMAGING_QUALITY,)
    weights: tuple[Weights, ...] = (Weights("model.safetensors", SHIPPED, "Apache-2.0"),)

    def __init__(
        self, source: str, revision: str | None = None, device: Device | None = None
    ) -> None:
        self.device = pick_device(device)
        self.network = load_network(ImageQuality, source, self.device)

    @torch.inference_mode()
    def score(self, clip: ScoredClip) -> Values:
        """Look at every frame."""
        if len(clip.frames) == 0:
            return {"imaging_quality": NO_FRAMES}
        severities = in_batches(self.network, clip_to_images(clip.frames, self.device))
        return {"imaging_quality": float(quality(severities.double()).mean())}
