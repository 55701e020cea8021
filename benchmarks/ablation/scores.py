"""Scores of many clips at once: the arithmetic of the laptop scorers and of the judge, in batches that fill a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.ablation.mini_pairs import Pairs
from tpige_kedro.execution.threads import processors
from tpige_kedro.metrics.frame_sampling import distinct_indices, even_indices
from tpige_kedro.metrics.motion_smoothness import to_levels
from tpige_kedro.metrics.optical_flow import motion_and_flicker
from tpige_kedro.mini.judge import MiniJudge
from tpige_kedro.mini.networks.image_quality import quality
from tpige_kedro.mini.pictures import to_images
from tpige_kedro.mini.scorers import (
    SAMPLED_FRAMES,
    MiniAlignmentScorer,
    MiniFaceScorer,
    MiniImagingScorer,
    MiniMotionScorer,
)
from tpige_kedro.mini.text_match import (
    all_right,
    attributes_right,
    attributes_right_when_seen,
    text_match,
)

FRAMES_AT_ONCE = 4096
FPS = 8.0  # of the mini clips
ALL_RIGHT, WHEN_SEEN = "all right", "attributes right when seen"
Columns = dict[str, Tensor]


class ClipScores:
    """Every measure of a clip, as the scorers of the laptop run and the independent judge give it (equal to rounding).

    ``scorers`` are the models of ``scoring.scorers``; ``weights`` those of the overall score.
    """

    def __init__(
        self,
        scorers: Sequence[Any],
        weights: Mapping[str, float],
        judge: MiniJudge,
    ) -> None:
        by_type = {type(scorer): scorer for scorer in scorers}
        self.face: MiniFaceScorer = by_type[MiniFaceScorer]
        self.alignment: MiniAlignmentScorer = by_type[MiniAlignmentScorer]
        self.motion: MiniMotionScorer = by_type[MiniMotionScorer]
        self.imaging: MiniImagingScorer = by_type[MiniImagingScorer]
        self.weights, self.judge = weights, judge

    @torch.inference_mode()
    def __call__(self, clips: Tensor, pairs: Pairs) -> Columns:
        """Clips (n, T, 80, 80, 3) uint8 of ``pairs`` in their order -> (n,) of every measure; NaN where there is none."""
        images = clips.permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        pictures = to_images(np.stack([np.asarray(p) for p in pairs.pictures]), images.device)
        columns = (
            self.judged(images, pairs)
            | self.identity(images, pictures)
            | self.text(images, pairs.prompts)
            | self.flow(clips)
            | {"motion_smoothness": self.smoothness(clips), "imaging_quality": self.quality(images)}
        )
        parts = [weight * columns[name] for name, weight in self.weights.items()]
        return columns | {"overall": torch.stack(parts).sum(0)}

    def judged(self, images: Tensor, pairs: Pairs) -> Columns:
        """What the judge says, which is in no score."""
        videos = images.transpose(1, 2)
        verdict = self.judge(videos, pairs.references, batch=256)
        elsewhere = self.judge(videos, pairs.others, batch=256)
        right = {
            f"{name} right": (getattr(verdict, name) == getattr(pairs, name)).double()
            for name in ("role", "setting", "action")
        }
        shown = {
            "face seen": verdict.face_rate,
            "identity": verdict.similarity,
            "identity when seen": verdict.similarity_when_seen,
            "attributes right": attributes_right(verdict, pairs.asked),
            "text match": text_match(verdict, pairs.asked),
            ALL_RIGHT: all_right(verdict, pairs.asked),
            WHEN_SEEN: attributes_right_when_seen(verdict, pairs.asked),
            "identity, other portrait": elsewhere.similarity,
            "identity spread": verdict.spread,
        }
        return right | {name: values.double() for name, values in shown.items()}

    def identity(self, images: Tensor, references: Tensor) -> Columns:
        """CurScore, ArcScore, feature distance and face rate over the sampled frames (metrics/face_similarity.py)."""
        kept = torch.as_tensor(even_indices(images.shape[1], SAMPLED_FRAMES))
        shown, anchor = images[:, kept.to(images.device)], self.face.find(references)
        count, length = shown.shape[:2]
        found = in_parts(self.face.find, shown.flatten(0, 1))
        seen = found[0].view(count, length).double()
        known = torch.where(anchor.visible, 1.0, torch.nan).double()

        def mean_where_seen(values: Tensor, faceless: float) -> Tensor:
            total, times = (values * seen).sum(1), seen.sum(1)
            return torch.where(times > 0, total / times.clamp(min=1), faceless) * known

        columns = {"face_rate": seen.mean(1)}
        for name, index in (("arc_score", 2), ("cur_score", 3)):
            vectors = found[index].double().view(count, length, -1)
            cosines = F.cosine_similarity(vectors, anchor[index].double()[:, None], dim=-1)
            columns[name] = mean_where_seen(cosines.clamp(min=0), 0.0)
        features = found[4].double().view(count, length, -1) - anchor.features.double()[:, None]
        columns["face_feature_sqdist"] = mean_where_seen((features**2).sum(-1), torch.nan)
        return {name: values.cpu() for name, values in columns.items()}

    def text(self, images: Tensor, prompts: Sequence[str]) -> Columns:
        """GMEScore against the original prompts."""
        network = self.alignment.network
        kept = torch.as_tensor(distinct_indices(images.shape[1], SAMPLED_FRAMES))
        shown = images[:, kept.to(images.device)]
        texts = network.texts(network.tokenize(list(prompts)).to(images.device)).double()
        (frames,) = in_parts(lambda part: (network.frames(part),), shown.flatten(0, 1))
        cosines = frames.double().view(*shown.shape[:2], -1) @ texts[:, :, None]
        return {"gme_score": cosines.mean((1, 2)).cpu()}

    def quality(self, images: Tensor) -> Tensor:
        """Imaging quality over all frames."""
        (severities,) = in_parts(lambda part: (self.imaging.network(part),), images.flatten(0, 1))
        return quality(severities.double()).view(images.shape[:2]).mean(1).cpu()

    def flow(self, clips: Tensor) -> Columns:
        """Motion amplitude and flicker, on the processors."""
        with ThreadPoolExecutor(processors()) as threads:
            found = list(threads.map(partial(motion_and_flicker, fps=FPS), clips.cpu().numpy()))
        names = ("motion_amplitude", "flicker")
        return {n: torch.tensor([float(each[n]) for each in found]).double() for n in names}

    def smoothness(self, clips: Tensor) -> Tensor:
        """Motion smoothness of clips with an odd number of frames (metrics/motion_smoothness.py)."""
        pixels = clips.permute(0, 1, 4, 2, 3)
        whole = torch.tensor(255.0, device=clips.device)
        given, real = pixels[:, ::2] / whole, pixels[:, 1::2].flatten(0, 1)
        pairs = torch.stack([given[:, :-1].flatten(0, 1), given[:, 1:].flatten(0, 1)], 1)
        (predicted,) = in_parts(
            lambda part: (to_levels(self.motion.interpolate(part[:, 0], part[:, 1])),), pairs
        )
        off = (predicted - real).abs().double().mean((1, 2, 3)).view(len(clips), -1).mean(1)
        return ((255.0 - off) / 255.0).cpu()


def in_parts(function: Callable[[Tensor], Sequence[Tensor]], stack: Tensor) -> list[Tensor]:
    """The results of ``function`` over a long stack, some at a time."""
    parts = [function(part) for part in stack.split(FRAMES_AT_ONCE)]
    return [torch.cat(list(values)) for values in zip(*parts, strict=True)]
