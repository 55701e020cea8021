"""How much of everything the judges' training takes; step counts are fixed, so that a seed repeats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of the pools, batches and steps. The defaults are the shipped training."""

    people: int = 10_000
    frames: int = 140_000  # for the face, reader, alignment and imaging networks
    clips: int = 2_400  # for the interpolation
    judge_people: int = 8_000  # the benchmark's judge has people, frames and clips of its own
    judge_frames: int = 80_000
    judge_clips: int = 3_000
    texts: int = 40_000
    chunk: int = 1_024  # pictures rendered at once
    batch: int = 512
    clip_batch: int = 32  # clips, and 3 times as many pairs of frames to interpolate

    face_steps: int = 2_000
    reader_steps: int = 1_200
    alignment_steps: int = 2_200
    imaging_steps: int = 1_000
    interpolation_steps: int = 1_400
    judge_identity_steps: int = 1_600
    judge_scene_steps: int = 1_000
    judge_attribute_steps: int = 1_200

    held_out: int = 400  # people that a stage measures itself on


SHIPPED = Scale()
TINY = Scale(
    people=24,
    frames=96,
    clips=6,
    judge_people=16,
    judge_frames=48,
    judge_clips=4,
    texts=48,
    chunk=12,
    batch=8,
    clip_batch=2,
    face_steps=3,
    reader_steps=2,
    alignment_steps=3,
    imaging_steps=2,
    interpolation_steps=2,
    judge_identity_steps=2,
    judge_scene_steps=2,
    judge_attribute_steps=2,
    held_out=8,
)
SCALES = {"full": SHIPPED, "tiny": TINY}
