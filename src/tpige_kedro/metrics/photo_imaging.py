"""Imaging quality on photographic clips: VBench's metric with MUSIQ."""

from __future__ import annotations

from typing import ClassVar

from tpige_kedro.metrics import catalog
from tpige_kedro.metrics.imaging_quality import Mode, imaging_quality
from tpige_kedro.metrics.protocol import MetricSpec, ScoredClip, Values
from tpige_kedro.networks.devices import pick_device
from tpige_kedro.networks.musiq import MUSIQ_SPAQ, Musiq
from tpige_kedro.option_types import Count, Device
from tpige_kedro.weights.published import Weights, load_weights


class PhotoImagingScorer:
    """Imaging quality, about [0, 1]; ``source`` is the checkpoint trained on SPAQ, its folder or its hub id.

    ``mode`` says how frames are shrunk: ``longer`` is VBench's default and the paper's. ``batch_size`` is in frames.
    """

    version: ClassVar[int] = 1  # raise it when the same clip gives other values
    files: ClassVar[dict[str, tuple[str, ...]]] = {"source": ("musiq_spaq_ckpt-358bb6af.pth",)}
    metrics: tuple[MetricSpec, ...] = (catalog.IMAGING_QUALITY,)
    weights: tuple[Weights, ...] = (MUSIQ_SPAQ,)

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        device: Device | None = None,
        batch_size: Count = 8,
        mode: Mode = "longer",
    ) -> None:
        self._device, self._batch_size, self._mode = pick_device(device), batch_size, mode
        self._network = load_weights(Musiq(), source, MUSIQ_SPAQ, revision).to(self._device)

    def score(self, clip: ScoredClip) -> Values:
        """Look at every frame."""
        import torch

        with torch.inference_mode():
            score = imaging_quality(
                clip.frames, self._network, self._batch_size, self._device, self._mode
            )
        return {"imaging_quality": score}
