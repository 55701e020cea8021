"""Drawn people for the tests, tiny checkpoints trained on the spot, and the shipped ones where they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tpige_kedro.metrics.protocol import ScoredClip
from tpige_kedro.mini.judges_training.train import train_judges
from tpige_kedro.mini.pictures import to_frames
from tpige_kedro.mini.world.captions import caption
from tpige_kedro.mini.world.clips import sample_clips, sample_portraits
from tpige_kedro.mini.world.people import People, sample_people, select
from tpige_kedro.mini.world.renderer import World
from tpige_kedro.models import local_path

DrawClip = Callable[..., ScoredClip]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of a training of a few steps: right in form, wrong in every answer."""
    work = tmp_path_factory.mktemp("judges")
    assert len(train_judges(work, "cpu", 0, scale="tiny")) == 7
    return work


@pytest.fixture(scope="session")
def shipped() -> Callable[[str], str]:
    """The folder of a shipped mini model; skips the test where it is not there."""

    def folder(name: str) -> str:
        path = local_path(f"data/06_models/mini/{name}")
        if not (path / "README.md").exists():
            pytest.skip(f"{path} is not there; train it with `kedro run --pipelines=train_mini`")
        return str(path)

    return folder


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def people() -> People:
    """Twelve people whom no training drew (their seed is far from all of them)."""
    return sample_people(12, torch.Generator().manual_seed(987_654))


@pytest.fixture(scope="session")
def portraits(world: World, people: People) -> list[Image.Image]:
    pictures, _ = sample_portraits(world, people, torch.Generator().manual_seed(5))
    return [Image.fromarray(frame) for frame in to_frames(pictures)]


@pytest.fixture(scope="session")
def draw_clip(world: World, people: People, portraits: list[Image.Image]) -> DrawClip:
    """``draw_clip(person, role=0, setting=0, action=0, face_open=True)``: 17 frames with their portrait and true caption."""

    def draw(
        person: int, role: int = 0, setting: int = 0, action: int = 0, face_open: bool = True
    ) -> ScoredClip:
        video, _ = sample_clips(
            world,
            select(people, torch.tensor([person])),
            17,
            torch.tensor([role]),
            torch.tensor([setting]),
            torch.tensor([action]),
            torch.tensor([float(face_open)]),
            generator=torch.Generator().manual_seed(person),
        )
        frames: np.ndarray = to_frames(video[0].transpose(0, 1))
        return ScoredClip(frames, 8.0, portraits[person], caption(role, setting, action))

    return draw
