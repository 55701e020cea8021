"""The models of conf/base as the regression guard needs them: they make its clips one request at a time, then judge and score them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ablation import MINI
from mini_pairs import Pairs
from tpige_kedro.metrics.overall import overall
from tpige_kedro.metrics.protocol import Missing, ScoredClip
from tpige_kedro.mini.judge import MiniJudge
from tpige_kedro.mini.pictures import to_frames, to_images
from tpige_kedro.models import load_model
from tpige_kedro.prompts.clause import compose_clause
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.seeds import derive_seed
from tpige_kedro.video_generators.protocol import ClipRequest


class Bench:
    """The models of the parameters, loaded once, with batches and a device that suit a benchmark; ``seed`` is that of the noise."""

    def __init__(self, parameters: dict[str, Any], batch: int, device: str, seed: int) -> None:
        self.parameters, self.batch, self.device, self.seed = parameters, batch, device, seed
        self._loaded: dict[str, Any] = {}
        self.judge = MiniJudge(MINI / "judge", device)
        self.scorers = [self.model(name) for name in parameters["scoring"]["scorers"]]

    def model(self, name: str) -> Any:
        """A model of the parameters."""
        if name not in self._loaded:
            spec = ModelSpec(**self.parameters["models"][name])
            extra: dict[str, Any] = {"device": self.device}
            if "steps" in spec.options:
                extra |= {"batch_size": self.batch, "dtype": "float32"}
            self._loaded[name] = load_model(
                spec.model_copy(update={"options": {**spec.options, **extra}})
            )
        return self._loaded[name]

    def clauses(self, pairs: Pairs) -> list[str]:
        """The facial clause of each reference."""
        options = self.parameters["prompt_enhancement"]
        reader = self.model(options["reader"])
        return [
            compose_clause(reader.read_face(p), options["minimum_confidence"])
            for p in pairs.pictures
        ]

    def clips(
        self, variant: Variant, pairs: Pairs, prompts: list[str], pictures: list[Any]
    ) -> torch.Tensor:
        """The variant's clips (n, 3, T, S, S) in [-1, 1], in the order of the pairs."""
        requests = [
            ClipRequest(key, prompt, (picture,), derive_seed(self.seed, key))
            for key, prompt, picture in zip(pairs.ids, prompts, pictures, strict=True)
        ]
        made: dict[str, np.ndarray] = {}
        for request, clip in self.model(variant.generator).generate(requests, variant.guidance):
            if isinstance(clip, Exception):
                raise clip
            made[request.sample_id] = clip.frames
        return torch.stack([to_images(made[key]).transpose(0, 1) for key in pairs.ids])

    def rows(
        self, name: str, slice_name: str, pairs: Pairs, videos: torch.Tensor
    ) -> Iterator[dict[str, Any]]:
        """What judge and scorers say of each clip."""
        verdict = self.judge(videos, pairs.references)
        for i, key in enumerate(pairs.ids):
            row = {
                "slice": slice_name,
                "variant": name,
                "sample_id": key,
                "hides": bool(pairs.hides[i]),
                "face seen": float(verdict.face_rate[i]),
                "identity": float(verdict.similarity[i]),
            }
            frames = to_frames(videos[i].transpose(0, 1))
            yield row | self.scores(ScoredClip(frames, 8.0, pairs.pictures[i], pairs.prompts[i]))

    def scores(self, clip: ScoredClip) -> dict[str, float]:
        """The values of all scorers and their overall score; NaN where there is none."""
        values = {k: v for scorer in self.scorers for k, v in scorer.score(clip).items()}
        values["overall"] = overall(values, self.parameters["scoring"]["overall"])
        return {k: float("nan") if isinstance(v, Missing) else float(v) for k, v in values.items()}
