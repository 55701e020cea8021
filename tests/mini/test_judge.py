from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from tpige_kedro.metrics.protocol import ScoredClip
from tpige_kedro.mini.judge import MiniJudge
from tpige_kedro.mini.pictures import picture_to_images, to_images

DrawClip = Callable[..., ScoredClip]


def stacked(clips: list[ScoredClip]) -> torch.Tensor:
    """(n, 3, T, 80, 80)."""
    return torch.stack([to_images(clip.frames).transpose(0, 1) for clip in clips])


def test_a_verdict_has_a_row_a_clip(
    trained: Path, draw_clip: DrawClip, portraits: list[Image.Image]
) -> None:
    judge = MiniJudge(trained / "judge", device="cpu")
    clips = [draw_clip(person) for person in range(3)]
    references = torch.cat([picture_to_images(p) for p in portraits[:3]])
    verdict = judge(stacked(clips), references, batch=2)
    assert all(len(column) == 3 for column in verdict)
    assert ((verdict.role >= 0) & (verdict.role < 10)).all()
    assert (verdict.similarity.abs() <= 1).all()


def test_rendered_clips_are_judged_right(
    shipped: Callable[[str], str], draw_clip: DrawClip, portraits: list[Image.Image]
) -> None:
    judge = MiniJudge(shipped("judge"))
    scenes = [{"role": i % 10, "setting": i % 6, "action": (i // 2) % 6} for i in range(12)]
    clips = [draw_clip(person, **scene) for person, scene in enumerate(scenes)]
    references = torch.cat([picture_to_images(p) for p in portraits])
    verdict = judge(stacked(clips), references)
    for name in ("role", "setting", "action"):
        truth = torch.tensor([scene[name] for scene in scenes])
        assert (getattr(verdict, name) == truth).sum() >= 11, name
    assert (verdict.face_rate > 0.9).all()
    strangers = judge(stacked(clips), references.roll(1, 0))
    assert verdict.similarity.mean() > 0.7
    assert strangers.similarity.mean() < 0.2


def test_closed_helmets_count_as_unseen(
    shipped: Callable[[str], str], draw_clip: DrawClip, portraits: list[Image.Image]
) -> None:
    judge = MiniJudge(shipped("judge"))
    clips = [draw_clip(p, role=role, face_open=False) for p, role in enumerate((6, 7, 8, 9))]
    verdict = judge(stacked(clips), torch.cat([picture_to_images(p) for p in portraits[:4]]))
    assert (verdict.face_rate == 0).all()
    assert (verdict.similarity == 0).all()
    assert verdict.similarity_when_seen.isnan().all()
