from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from tpige_kedro.errors import ModelError
from tpige_kedro.metrics.protocol import ScoredClip
from tpige_kedro.mini.judge import MiniJudge
from tpige_kedro.mini.judges_training.reader import labels
from tpige_kedro.mini.networks.attribute_reader import ATTRIBUTES
from tpige_kedro.mini.pictures import picture_to_images, to_images
from tpige_kedro.mini.text_match import Asked, attributes_right, text_match
from tpige_kedro.mini.world.people import People

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
    *columns, attributes = verdict
    assert all(len(column) == 3 for column in columns)
    assert attributes == {}
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


def test_probabilities_belong_to_the_numbers_and_sum_to_one(
    trained: Path, draw_clip: DrawClip, portraits: list[Image.Image]
) -> None:
    judge = MiniJudge(trained / "judge", "cpu", trained / "judge_attributes")
    videos = stacked([draw_clip(person) for person in range(3)])
    references = torch.cat([picture_to_images(p) for p in portraits[:3]])
    verdict = judge(videos, references, batch=2)
    for name in ("role", "setting", "action"):
        table = getattr(verdict, f"{name}_p")
        assert torch.allclose(table.sum(1), torch.ones(3), atol=1e-5), name
        assert torch.equal(table.argmax(1), getattr(verdict, name)), name
    for name, count in ATTRIBUTES.items():
        assert verdict.attributes[name].shape == (3, count)
    whole = judge(videos, references)
    assert all(torch.allclose(v, whole.attributes[k]) for k, v in verdict.attributes.items())


def test_attributes_are_the_mean_over_frames_with_a_face(
    trained: Path, shipped: Callable[[str], str], draw_clip: DrawClip, portraits: list[Image.Image]
) -> None:
    judge = MiniJudge(shipped("judge"), attributes=trained / "judge_attributes")
    seen, hidden = (
        stacked([draw_clip(p, role=8, face_open=shown) for p in (1, 2)]) for shown in (True, False)
    )
    references = torch.cat([picture_to_images(p) for p in portraits[1:3]])
    whole, half, none = (
        judge(videos, references) for videos in (seen, torch.cat([hidden, seen], 2), hidden)
    )
    assert half.face_rate.tolist() == [0.5, 0.5]
    for name in ATTRIBUTES:
        assert torch.allclose(whole.attributes[name].sum(1), torch.ones(2), atol=1e-5)
        assert torch.allclose(half.attributes[name], whole.attributes[name], atol=1e-5)
        assert (none.attributes[name] == 0).all()


def test_attributes_of_rendered_clips_are_read_right(
    shipped: Callable[[str], str],
    draw_clip: DrawClip,
    portraits: list[Image.Image],
    people: People,
) -> None:
    judge = MiniJudge(shipped("judge"), attributes=shipped("judge_attributes"))
    verdict = judge(
        stacked([draw_clip(person, action=person % 6) for person in range(12)]),
        torch.cat([picture_to_images(p) for p in portraits]),
    )
    zero = torch.zeros(12, dtype=torch.long)
    asked = Asked(zero, zero, torch.arange(12) % 6, labels(people))
    assert attributes_right(verdict, asked).mean() > 0.85
    assert text_match(verdict, asked).mean() > 0.9
    others = {name: values.roll(1) for name, values in asked.attributes.items()}
    assert attributes_right(verdict, asked._replace(attributes=others)).mean() < 0.65


def test_a_missing_attribute_network_is_named_when_it_is_asked_for(
    trained: Path, tmp_path: Path
) -> None:
    MiniJudge(trained / "judge", "cpu")
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        MiniJudge(trained / "judge", "cpu", attributes=tmp_path)
