from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tpige_kedro.mini.world.motion import NO_WAVE, Pose, sample_poses
from tpige_kedro.mini.world.vocabulary import JUMP, NOD, TURN, WALK, WAVE, ZOOM

N, FRAMES = 200, 17
MOVES = {  # action -> the parameter that carries it, and how far it goes at least
    NOD: ("pitch", 1.0),
    TURN: ("yaw", 0.9),
    WALK: ("head_x", 0.75),
    WAVE: ("wave", 0.9),
    JUMP: ("head_y", 0.3),
    ZOOM: ("head_size", 0.15),
}


def poses(action: int, seed: int = 1, portrait: bool = False, frames: int = FRAMES) -> Pose:
    actions = torch.full((N,), action)
    return sample_poses(actions, frames, portrait, torch.Generator().manual_seed(seed))


def travel(values: Tensor) -> Tensor:
    """How far each clip goes: (n,)."""
    return values.amax(1) - values.amin(1)


@pytest.mark.parametrize("action", MOVES)
def test_an_action_moves_what_it_says_and_the_others_do_not(action: int) -> None:
    parameter, least = MOVES[action]
    assert travel(poses(action)[parameter]).min() >= least
    for other in set(MOVES) - {action}:
        assert travel(poses(other)[parameter]).max() < least, other


def test_walking_goes_through_the_picture_to_one_side_facing_it() -> None:
    pose = poses(WALK)
    steps = pose["head_x"].diff(dim=1)
    assert ((steps > 0).all(1) | (steps < 0).all(1)).all()
    assert torch.equal(steps[:, 0].sign(), pose["yaw"][:, 0].sign())
    assert 0.3 < (steps[:, 0] > 0).float().mean() < 0.7, "to both sides"


def test_zooming_in_enlarges_head_and_scene() -> None:
    pose = poses(ZOOM)
    assert (pose["head_size"].diff(dim=1) > 0).all() and (pose["zoom"].diff(dim=1) > 0).all()
    assert (poses(NOD)["zoom"] == 1).all()


def test_the_arm_is_up_only_for_waving() -> None:
    assert poses(WAVE)["wave"].abs().max() <= 1
    for action in set(MOVES) - {WAVE}:
        assert (poses(action)["wave"] == NO_WAVE).all()


def test_portraits_keep_still_close_and_nearly_frontal() -> None:
    pose = poses(WALK, portrait=True)
    assert all((travel(values) == 0).all() for values in pose.values())
    assert pose["yaw"].abs().max() <= 0.25 and pose["head_size"].min() >= 0.5
    assert (pose["wave"] == NO_WAVE).all()


def test_a_single_frame_is_any_moment_of_its_action() -> None:
    x = poses(WALK, frames=1)["head_x"]
    assert x.shape == (N, 1) and x.min() < -0.3 and x.max() > 0.3


def test_a_seed_repeats() -> None:
    first, again, other = poses(NOD, 1), poses(NOD, 1), poses(NOD, 2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["pitch"], other["pitch"])
