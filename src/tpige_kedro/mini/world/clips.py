"""Clips of people who do something somewhere, and their portraits."""

from __future__ import annotations

import torch
from torch import Tensor

from tpige_kedro.mini.world.backgrounds import VARIANTS
from tpige_kedro.mini.world.motion import Pose, sample_poses
from tpige_kedro.mini.world.people import People, select
from tpige_kedro.mini.world.renderer import World
from tpige_kedro.mini.world.vocabulary import PLAIN, SHIRTS, STUDIO


def sample_clips(
    world: World,
    people: People,
    frames: int,
    role: Tensor,
    setting: Tensor,
    action: Tensor,
    face_open: Tensor,
    portrait: bool = False,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Pose]:
    """Render one clip per person: video (n, 3, T, S, S) in [-1, 1] and the pose, each entry (n, T).

    ``role``, ``setting``, ``action``, ``face_open`` are (n,); backdrop, shirt and the course of the motion are drawn.
    """
    n = role.shape[0]
    pose = sample_poses(action, frames, portrait, generator)

    def integer(count: int) -> Tensor:
        return torch.randint(0, count, (n,), device=world.device, generator=generator)

    per_clip = {
        "role": role,
        "setting": setting,
        "face_open": face_open,
        "backdrop": integer(VARIANTS),
        "shirt": integer(len(SHIRTS)),
    }
    frame = {name: values.reshape(-1) for name, values in pose.items()}
    frame |= {name: values.repeat_interleave(frames) for name, values in per_clip.items()}
    everyone = select(people, torch.arange(n, device=world.device).repeat_interleave(frames))
    pictures = world.render(everyone, frame)
    return pictures.view(n, frames, 3, world.size, world.size).transpose(1, 2), pose


def sample_portraits(
    world: World, people: People, generator: torch.Generator | None = None
) -> tuple[Tensor, Pose]:
    """Neutral reference portraits: pictures (n, 3, S, S) in [-1, 1], plain clothes before a studio wall."""
    n = len(people["age"])
    same = torch.ones(n, device=world.device, dtype=torch.long)
    video, pose = sample_clips(
        world,
        people,
        1,
        PLAIN * same,
        STUDIO * same,
        0 * same,
        same.float(),
        portrait=True,
        generator=generator,
    )
    return video[:, :, 0], pose
