"""Form, with checkpoints of a few training steps; directions, with the shipped ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tpige_kedro.metrics.protocol import Missing, ScoredClip, Scorer
from tpige_kedro.mini.judges_training.faults import gaussian_blur
from tpige_kedro.mini.pictures import to_frames, to_images
from tpige_kedro.mini.scorers import (
    MiniAlignmentScorer,
    MiniFaceScorer,
    MiniImagingScorer,
    MiniMotionScorer,
)
from tpige_kedro.mini.world.captions import caption

Shipped = Callable[[str], str]
DrawClip = Callable[..., ScoredClip]
KINDS = {
    "face": MiniFaceScorer,
    "alignment": MiniAlignmentScorer,
    "interpolation": MiniMotionScorer,
    "imaging": MiniImagingScorer,
}


def number(scorer: Scorer, clip: ScoredClip, metric: str) -> float:
    value = scorer.score(clip)[metric]
    assert isinstance(value, float)
    return value


def blurred(clip: ScoredClip, sigma: float) -> ScoredClip:
    return replace(clip, frames=to_frames(gaussian_blur(to_images(clip.frames), sigma)))


def noised(clip: ScoredClip, spread: float) -> ScoredClip:
    noise = np.random.default_rng(0).normal(0, 255 * spread, clip.frames.shape)
    return replace(clip, frames=(clip.frames + noise).clip(0, 255).astype(np.uint8))


def frozen(clip: ScoredClip) -> ScoredClip:
    return replace(clip, frames=np.repeat(clip.frames[:1], len(clip.frames), 0))


def stuttering(clip: ScoredClip) -> ScoredClip:
    order = np.random.default_rng(1).permutation(len(clip.frames))
    return replace(clip, frames=clip.frames[order])


@pytest.mark.parametrize("folder", KINDS)
def test_every_declared_metric_has_a_value_whatever_the_size(
    folder: str, trained: Path, draw_clip: DrawClip
) -> None:
    scorer: Scorer = KINDS[folder](source=str(trained / folder), revision=None, device="cpu")
    for size in ((80, 80), (48, 64), (200, 120)):
        clip = draw_clip(0)
        frames = np.stack([np.asarray(Image.fromarray(f).resize(size)) for f in clip.frames])
        values = scorer.score(replace(clip, frames=frames))
        assert set(values) == {metric.name for metric in scorer.metrics}
        for metric in scorer.metrics:
            value = values[metric.name]
            assert isinstance(value, Missing) or metric.low <= value <= metric.high


@pytest.mark.parametrize("folder", KINDS)
def test_a_clip_without_frames_has_reasons_instead_of_numbers(
    folder: str, trained: Path, draw_clip: DrawClip
) -> None:
    scorer: Scorer = KINDS[folder](source=str(trained / folder))
    empty = replace(draw_clip(0), frames=np.zeros((0, 80, 80, 3), np.uint8))
    assert all(isinstance(value, Missing) for value in scorer.score(empty).values())


def test_two_frames_and_an_empty_prompt_are_missing(trained: Path, draw_clip: DrawClip) -> None:
    clip = draw_clip(0)
    motion = MiniMotionScorer(str(trained / "interpolation"))
    assert isinstance(
        motion.score(replace(clip, frames=clip.frames[:2]))["motion_smoothness"], Missing
    )
    alignment = MiniAlignmentScorer(str(trained / "alignment"))
    assert isinstance(alignment.score(replace(clip, prompt=" "))["gme_score"], Missing)


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 80, 80, 3), dtype=np.uint8)
    assert np.array_equal(to_frames(to_images(frames)), frames)


def test_another_person_is_less_similar(shipped: Shipped, draw_clip: DrawClip) -> None:
    scorer = MiniFaceScorer(shipped("face"))
    for person in range(3):
        clip = draw_clip(person)
        stranger = replace(clip, frames=draw_clip(person + 3).frames)
        for metric in ("arc_score", "cur_score"):
            own, other = number(scorer, clip, metric), number(scorer, stranger, metric)
            assert own > 0.6
            assert other < own - 0.3
        own, other = (number(scorer, c, "face_feature_sqdist") for c in (clip, stranger))
        assert own < other
        assert number(scorer, clip, "face_rate") == 1


def test_blur_and_noise_cost_likeness(shipped: Shipped, draw_clip: DrawClip) -> None:
    scorer = MiniFaceScorer(shipped("face"))
    clips = [draw_clip(person) for person in range(4)]
    for metric in ("arc_score_missing_as_zero", "cur_score_missing_as_zero"):
        whole, blurry, noisy = (
            np.mean([number(scorer, change(c), metric) for c in clips])
            for change in (lambda c: c, lambda c: blurred(c, 2.0), lambda c: noised(c, 0.3))
        )
        assert blurry < whole
        assert noisy < whole


def test_a_hidden_face_is_missed_not_guessed(shipped: Shipped, draw_clip: DrawClip) -> None:
    scorer = MiniFaceScorer(shipped("face"))
    for role in (6, 7, 8, 9):
        values = scorer.score(draw_clip(1, role=role, face_open=False))
        assert values["face_rate"] == 0
        assert values["cur_score"] == values["cur_score_missing_as_zero"] == 0
        assert isinstance(values["cur_score_worst_frame"], Missing)
        assert isinstance(values["face_feature_sqdist"], Missing)


def test_blank_and_noise_frames_show_no_face(shipped: Shipped, draw_clip: DrawClip) -> None:
    scorer = MiniFaceScorer(shipped("face"))
    clip = draw_clip(0)
    rng = np.random.default_rng(0)
    blank = np.full_like(clip.frames, 128)
    noise = rng.integers(0, 256, clip.frames.shape, dtype=np.uint8)
    for frames in (blank, noise):
        assert scorer.score(replace(clip, frames=frames))["face_rate"] == 0


def test_a_faceless_reference_is_missing_everywhere(shipped: Shipped, draw_clip: DrawClip) -> None:
    scorer = MiniFaceScorer(shipped("face"))
    values = scorer.score(replace(draw_clip(0), reference=Image.new("RGB", (80, 80), "gray")))
    for metric in ("cur_score", "arc_score", "face_feature_sqdist", "cur_score_worst_frame"):
        assert isinstance(values[metric], Missing)


@pytest.mark.parametrize("wrong", ["role", "setting"])
def test_alignment_drops_where_the_text_is_wrong(
    wrong: str, shipped: Shipped, draw_clip: DrawClip
) -> None:
    scorer = MiniAlignmentScorer(shipped("alignment"))
    for person in range(6):
        scene = {"role": person, "setting": person % 6, "action": 3}
        clip = draw_clip(person, **scene)
        other = scene | {wrong: (scene[wrong] + 2) % 6}
        lie = replace(clip, prompt=caption(other["role"], other["setting"], other["action"]))
        true, false = number(scorer, clip, "gme_score"), number(scorer, lie, "gme_score")
        assert false < true - 0.1


def test_alignment_drops_with_damage_and_is_low_for_nothing(
    shipped: Shipped, draw_clip: DrawClip
) -> None:
    scorer = MiniAlignmentScorer(shipped("alignment"))
    clips = [draw_clip(person, role=person, setting=person % 6) for person in range(6)]
    whole = np.mean([number(scorer, c, "gme_score") for c in clips])
    assert np.mean([number(scorer, blurred(c, 3.0), "gme_score") for c in clips]) < whole
    assert np.mean([number(scorer, noised(c, 0.4), "gme_score") for c in clips]) < whole
    void = replace(clips[0], frames=np.full_like(clips[0].frames, 90))
    assert number(scorer, void, "gme_score") < 0.25


def test_frozen_is_smooth_and_stutter_is_not(shipped: Shipped, draw_clip: DrawClip) -> None:
    scorer = MiniMotionScorer(shipped("interpolation"))
    for person, action in enumerate((0, 2, 4)):
        clip = draw_clip(person, action=action)
        real = number(scorer, clip, "motion_smoothness")
        assert number(scorer, frozen(clip), "motion_smoothness") > real > 0.95
        assert number(scorer, stuttering(clip), "motion_smoothness") < real
        assert number(scorer, noised(clip, 0.1), "motion_smoothness") < real - 0.01


def test_quality_falls_with_every_fault(shipped: Shipped, draw_clip: DrawClip) -> None:
    scorer = MiniImagingScorer(shipped("imaging"))
    for person in range(4):
        clip = draw_clip(person, setting=person)
        whole = number(scorer, clip, "imaging_quality")
        bright = (clip.frames.astype(float) * 2.2).clip(0, 255).astype(np.uint8)
        assert number(scorer, blurred(clip, 2.0), "imaging_quality") < whole - 0.2
        assert number(scorer, noised(clip, 0.2), "imaging_quality") < whole - 0.2
        assert number(scorer, replace(clip, frames=bright), "imaging_quality") < whole - 0.1


def test_scores_repeat(shipped: Shipped, draw_clip: DrawClip) -> None:
    torch.manual_seed(1)
    scorer = MiniFaceScorer(shipped("face"))
    assert scorer.score(draw_clip(2)) == scorer.score(draw_clip(2))
