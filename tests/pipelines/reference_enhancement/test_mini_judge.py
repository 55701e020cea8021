"""The shipped judge on rendered pictures: of a right, an occluded and a stranger's picture it picks the right one."""

import pytest
import torch
from PIL import Image

from tpige_kedro.image_editors.choice import choose, judge_candidates
from tpige_kedro.mini.identity import MiniIdentity
from tpige_kedro.mini.pictures import to_frames
from tpige_kedro.mini.world.clips import sample_clips, sample_portraits
from tpige_kedro.mini.world.people import People, sample_people, select
from tpige_kedro.mini.world.renderer import World
from tpige_kedro.mini.world.vocabulary import NOD, STUDIO, WELDER
from tpige_kedro.models import project_root

FACE = project_root() / "data" / "06_models" / "mini" / "face"
COUNT = 12


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def welders(world: World, people: People, face_open: bool, seed: int) -> list[Image.Image]:
    """Each person as a welder, the mask up or down."""
    same = torch.ones(COUNT, dtype=torch.long)
    generator = torch.Generator().manual_seed(seed)
    video, _ = sample_clips(
        world, people, 1, WELDER * same, STUDIO * same, NOD * same, same.float() * face_open,
        portrait=True, generator=generator,
    )  # fmt: skip
    return [Image.fromarray(frame) for frame in to_frames(video[:, :, 0])]


@pytest.mark.skipif(
    not FACE.is_dir(), reason=f"{FACE} is not there: kedro run --pipelines=train_mini"
)
def test_the_right_picture_wins(world: World) -> None:
    judge = MiniIdentity(str(FACE), device="cpu")
    people = sample_people(COUNT, torch.Generator().manual_seed(5))
    portraits, _ = sample_portraits(world, people, torch.Generator().manual_seed(6))
    originals = [Image.fromarray(frame) for frame in to_frames(portraits)]
    right = welders(world, people, True, 7)
    occluded = welders(world, people, False, 7)
    others = select(people, torch.roll(torch.arange(COUNT), 1))
    strangers = welders(world, others, True, 7)
    won = 0
    for index, original in enumerate(originals):
        pictures = [(0, occluded[index]), (1, strangers[index]), (2, right[index])]
        choice = choose(judge_candidates(judge, original, pictures), 0.3)
        won += choice.best is not None and choice.best.seed == 2
        assert not choice.candidates[0].comparison.face_visible
        assert (
            choose(choice.candidates[:1], 0.3).best is None
        )  # an occluded one alone: the original stays
    assert won >= COUNT - 1  # a stranger may happen to look alike
