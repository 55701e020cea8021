"""Motion smoothness on clips of any kind: VBench's metric with AMT-S."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tpige_kedro.metrics import catalog
from tpige_kedro.metrics.motion_smoothness import motion_smoothness, symmetric_padding
from tpige_kedro.metrics.protocol import MetricSpec, Missing, ScoredClip, Values
from tpige_kedro.networks.amt_s import AMT_S, AmtS
from tpige_kedro.networks.amt_s.network import SMALLEST_SIDE
from tpige_kedro.networks.devices import pick_device
from tpige_kedro.option_types import Count, Device
from tpige_kedro.weights.published import Weights, load_weights

if TYPE_CHECKING:
    from torch import Tensor


class PhotoMotionScorer:
    """Motion smoothness, in [0, 1]; ``source`` is ``amt-s.pth``, its folder or its hub id.

    ``batch_size`` is in pairs of frames; one pair of 832x480 takes about 0.5 GiB for the correlation of all its pixels.
    """

    version: ClassVar[int] = 1  # raise it when the same clip gives other values
    files: ClassVar[dict[str, tuple[str, ...]]] = {"source": ("amt-s.pth",)}
    metrics: tuple[MetricSpec, ...] = (catalog.MOTION_SMOOTHNESS,)
    weights: tuple[Weights, ...] = (AMT_S,)

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        device: Device | None = None,
        batch_size: Count = 4,
    ) -> None:
        self._device, self._batch_size = pick_device(device), batch_size
        self._network = load_weights(AmtS(), source, AMT_S, revision).to(self._device)

    def score(self, clip: ScoredClip) -> Values:
        """Drop every second frame, predict it and compare."""
        height, width = clip.frames.shape[1:3]
        left, right, top, bottom = symmetric_padding(height, width)
        if min(height + top + bottom, width + left + right) < SMALLEST_SIDE:
            smallest = SMALLEST_SIDE - 15
            reason = f"frames of {width}x{height} pixels are too small for AMT-S; it needs {smallest} a side"
            return {"motion_smoothness": Missing(reason)}
        score = motion_smoothness(clip.frames, self.interpolate, self._batch_size, self._device)
        return {"motion_smoothness": score}

    def interpolate(self, first: Tensor, last: Tensor) -> Tensor:
        """The frames half-way between two stacks (n, 3, h, w) in [0, 1]."""
        import torch

        with torch.inference_mode():
            middle: Tensor = self._network(first, last)
        return middle
