"""The benchmark's judge of what a clip shows: role and setting of a frame, action of a clip."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.networks.blocks import ResidualBlock, attend, convolution
from tpige_kedro.mini.networks.face_locator import Heads, bounded_size

ROLE_COUNT, SETTING_COUNT, ACTION_COUNT = 10, 7, 6  # the seventh setting is the studio of portraits


class Scene(NamedTuple):
    """What single frames show: heads, logits (n, 10) of roles and (n, 7) of settings, features (n, 48) for the action."""

    heads: Heads
    role: Tensor
    setting: Tensor
    features: Tensor


class SceneJudge(nn.Module):
    """Frames (n, 3, 80, 80) in [-1, 1] -> :class:`Scene`; a clip's scenes in order -> its action."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            convolution(3, 24, stride=2), nn.SiLU(), ResidualBlock(24, 48, 2), ResidualBlock(48, 64)
        )
        self.heat = nn.Conv2d(64, 1, 1)
        self.context = nn.Sequential(ResidualBlock(64, 72, 2), ResidualBlock(72, 96, 2))
        self.out = nn.Linear(64 + 96, 2 + ROLE_COUNT + SETTING_COUNT)
        self.summary = nn.Linear(64 + 96, 48)
        self.motion = nn.Sequential(
            nn.Conv1d(48 + 3, 64, 5, padding=2),
            nn.SiLU(),
            nn.Conv1d(64, 64, 5, padding=2),
            nn.SiLU(),
        )
        self.action = nn.Linear(3 * 64, ACTION_COUNT)

    def forward(self, frames: Tensor) -> Scene:
        """Judge single frames."""
        features = self.features(frames)
        x, y, gathered = attend(self.heat(features), features)
        joined = torch.cat([gathered, self.context(features).mean((2, 3))], 1)
        visible, size, role, setting = (
            self.out(joined).float().split((1, 1, ROLE_COUNT, SETTING_COUNT), 1)
        )
        heads = Heads(visible[:, 0], x, y, bounded_size(size[:, 0]))
        return Scene(heads, role, setting, F.silu(self.summary(joined)))

    def judge_action(self, scene: Scene, clips: int) -> Tensor:
        """Logits (clips, 6) from the scenes of all frames of equally long clips, clip after clip."""
        place = torch.stack([scene.heads.x, scene.heads.y, scene.heads.size], 1)
        steps = torch.cat([scene.features, 4 * place.to(scene.features.dtype)], 1)
        h = self.motion(steps.view(clips, -1, steps.shape[1]).transpose(1, 2))
        pooled = torch.cat(
            [h.mean(2), h.amax(2), (h.float().var(2, unbiased=False) + 1e-4).sqrt()], 1
        )
        logits: Tensor = self.action(pooled).float()
        return logits
