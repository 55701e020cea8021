"""How a head moves through a clip: pose parameters per frame for each action.

Coordinates run over [-1, 1] across the picture, x to the right and y down; ``head_size`` is half the height of the head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tpige_kedro.mini.world.vocabulary import JUMP, NOD, TURN, WALK, WAVE, ZOOM

Pose = dict[str, Tensor]  # parameter -> (n, T)
NO_WAVE = -9.0  # value of ``wave`` while the arm is down; otherwise the swing in [-1, 1]


def sample_poses(
    action: Tensor, frames: int, portrait: bool = False, generator: torch.Generator | None = None
) -> Pose:
    """Poses (n, T) of clips with the given actions (n,); a portrait keeps still, close and nearly frontal.

    A single frame shows a random moment of its action.
    """
    n, device = action.shape[0], action.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, 1, device=device, generator=generator) * (high - low) + low

    time = (
        torch.linspace(0, 1, frames, device=device)[None].expand(n, frames)
        if frames > 1
        else uniform(0, 1)
    )
    still = torch.zeros(n, frames, device=device)
    if portrait:
        return {
            "head_x": uniform(-0.06, 0.06) + still,
            "head_y": uniform(0.0, 0.1) + still,
            "head_size": uniform(0.50, 0.58) + still,
            "yaw": uniform(-0.25, 0.25) + still,
            "pitch": uniform(-0.2, 0.2) + still,
            "roll": uniform(-0.04, 0.04) + still,
            "zoom": 1 + still,
            "pan": uniform(-0.2, 0.2) + still,
            "wave": NO_WAVE + still,
        }
    phase = uniform(0, 2 * math.pi)
    side = uniform(-1, 1).sign()
    size = uniform(0.41, 0.48)
    x = uniform(-0.10, 0.10) + 0.02 * torch.sin(3 * time + phase)
    y = uniform(0.0, 0.1) + 0.015 * torch.sin(4 * time + phase)
    nodding = torch.sin(2 * math.pi * 1.3 * time + phase)
    hop = torch.sin(math.pi * ((1.5 * time + phase / (2 * math.pi)) % 1))

    def when(which: int, value: Tensor, otherwise: Tensor) -> Tensor:
        return torch.where(action[:, None] == which, value, otherwise)

    head_y = when(NOD, y + 0.04 * nodding, y)
    head_y = when(WALK, y + 0.03 * torch.sin(2 * math.pi * 2 * time).abs(), head_y)
    head_y = when(JUMP, y + 0.20 - 0.36 * hop, head_y)
    yaw = when(
        TURN, side * torch.sin(2 * math.pi * 1.0 * time + phase), uniform(-0.25, 0.25) + still
    )
    return {
        "head_x": when(WALK, side * (-0.5 + 1.0 * time) * uniform(0.8, 1.0), x),
        "head_y": head_y,
        "head_size": when(ZOOM, size * (0.78 + 0.45 * time), size + still),
        "yaw": when(WALK, 0.6 * side + still, yaw),
        "pitch": when(NOD, 1.1 * nodding, uniform(-0.15, 0.15) + still),
        "roll": 0.03 * torch.sin(4 * time + phase),
        "zoom": when(ZOOM, 0.9 + 0.3 * time, 1 + still),
        "pan": uniform(-0.25, 0.25) + still,
        "wave": when(WAVE, torch.sin(2 * math.pi * 1.6 * time + phase), NO_WAVE + still),
    }
