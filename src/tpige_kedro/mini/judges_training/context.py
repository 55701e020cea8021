"""What every stage shares: where to write, the device, the seed, and the pools, rendered when first asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.pools import Clips, Frames
from tpige_kedro.mini.judges_training.rendering import Codec, Renderer
from tpige_kedro.mini.judges_training.scale import Scale
from tpige_kedro.mini.training.log import TrainingLog
from tpige_kedro.mini.world.people import People

CARD = "README.md"
# Each pool has people of its own: the seed's distance from the run's seed.
TEXTS, FACES, INTERPOLATION, JUDGE, JUDGE_CLIPS, HELD_OUT = 10, 11, 12, 13, 14, 15


@dataclass
class Context:
    """One run of the judges' training. ``codec`` is the mini VAE, None to learn from rendered pictures only."""

    work: Path
    device: torch.device
    seed: int
    scale: Scale
    codec: Codec | None
    commit: str = "not recorded"

    def renderer(self, offset: int) -> Renderer:
        """A renderer whose people and scenes no other offset draws."""
        return Renderer(self.device, 1000 * self.seed + offset, self.codec)

    def log(self, stage: str) -> TrainingLog:
        """The log of one stage, ``training.jsonl`` beside the checkpoints."""
        return TrainingLog(self.work / "training.jsonl", stage)

    @cached_property
    def frames(self) -> Frames:
        """Pictures for the face, reader, alignment and imaging networks."""
        return self._frames(FACES, self.scale.people, self.scale.frames)

    @cached_property
    def judge_frames(self) -> Frames:
        """Pictures of the judge's own people."""
        return self._frames(JUDGE, self.scale.judge_people, self.scale.judge_frames)

    @cached_property
    def clips(self) -> Clips:
        """Clips for the interpolation network."""
        return self._clips(INTERPOLATION, self.scale.clips)

    @cached_property
    def judge_clips(self) -> Clips:
        """Clips for the judge of actions."""
        return self._clips(JUDGE_CLIPS, self.scale.judge_clips)

    def strangers(self, offset: int = 0) -> tuple[Renderer, People]:
        """People whom no training pool shows, and a renderer for them."""
        renderer = self.renderer(HELD_OUT + offset)
        return renderer, renderer.people(self.scale.held_out)

    def _frames(self, offset: int, people: int, count: int) -> Frames:
        log = self.log("pool")
        renderer = self.renderer(offset)
        pool = renderer.frames(renderer.people(people), count, self.scale.chunk)
        log.write(pictures=len(pool), people=people)
        return pool

    def _clips(self, offset: int, count: int) -> Clips:
        log = self.log("pool")
        clips, _ = self.renderer(offset).clips(count, max(2, self.scale.chunk // 16))
        log.write(clips=count)
        return clips


def run_stage(
    context: Context, folder: str, offset: int, stage: Callable[[Context, Path], Card]
) -> bool:
    """Run ``stage`` unless its ``folder`` exists; the folder appears whole or not at all. Says whether it ran."""
    target = context.work / folder
    if (target / CARD).is_file():
        return False
    partial = context.work / f"{folder}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    torch.manual_seed(1000 * context.seed + 100 + offset)
    card = stage(context, partial)
    (partial / CARD).write_text(
        card.text(context.seed, context.commit, context.codec is not None), encoding="utf-8"
    )
    context.log(folder).write(event="measured", **card.numbers)
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)
    return True


def repeat_people(count: int, times: int, device: torch.device) -> Tensor:
    """0, 0, …, 1, 1, …: each of ``count`` people ``times`` over."""
    return torch.arange(count, device=device).repeat_interleave(times)
