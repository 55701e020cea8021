"""How much a clip moves, and how much it flickers: a complement to motion smoothness, which a frozen clip wins."""

from __future__ import annotations

from typing import ClassVar

from tpige_kedro.metrics import catalog
from tpige_kedro.metrics.optical_flow import motion_and_flicker
from tpige_kedro.metrics.protocol import MetricSpec, ScoredClip, Values
from tpige_kedro.weights.published import Weights


class MotionAmountScorer:
    """Motion amplitude and flicker by optical flow; needs no weights, and scores drawings and photographs alike."""

    version: ClassVar[int] = 1  # raise it when the same clip gives other values
    metrics: tuple[MetricSpec, ...] = (catalog.MOTION_AMPLITUDE, catalog.FLICKER)
    weights: tuple[Weights, ...] = ()

    def score(self, clip: ScoredClip) -> Values:
        """Flow between all neighbouring frames."""
        return motion_and_flicker(clip.frames, clip.fps)
