"""The benchmark's judge at work. It is kept out of training, selection and scoring, so that its verdict is independent."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from tpige_kedro.mini.networks.checkpoint import load_network
from tpige_kedro.mini.networks.face_encoders import SqueezeFaceEncoder
from tpige_kedro.mini.networks.face_locator import crop_heads
from tpige_kedro.mini.networks.judge import SceneJudge
from tpige_kedro.networks.devices import pick_device


class Verdict(NamedTuple):
    """One row a clip, each (n,): numbers of role, setting and action; the share of frames with a visible face; the similarity
    to the reference, mean over all frames where an unseen face counts 0, and over the frames with a face (NaN without)."""

    role: Tensor
    setting: Tensor
    action: Tensor
    face_rate: Tensor
    similarity: Tensor
    similarity_when_seen: Tensor


class MiniJudge:
    """``source`` holds ``identity`` and ``scene``; needs torch and safetensors only."""

    def __init__(self, source: str | Path, device: str | None = None) -> None:
        self.device = pick_device(device)
        self.identity = load_network(SqueezeFaceEncoder, Path(source) / "identity", self.device)
        self.scene = load_network(SceneJudge, Path(source) / "scene", self.device)

    @torch.inference_mode()
    def __call__(self, videos: Tensor, references: Tensor, batch: int = 64) -> Verdict:
        """Judge clips (n, 3, T, 80, 80) in [-1, 1] against reference pictures (n, 3, 80, 80)."""
        parts = [
            self._judge(video.to(self.device), reference.to(self.device))
            for video, reference in zip(videos.split(batch), references.split(batch), strict=True)
        ]
        return Verdict(*(torch.cat(columns).cpu() for columns in zip(*parts, strict=True)))

    def embed(self, images: Tensor) -> Tensor:
        """Unit vectors (n, 128) of the heads in pictures (n, 3, 80, 80), whether or not the face is seen."""
        return self.identity(crop_heads(images, self.scene(images).heads))

    def _judge(self, video: Tensor, reference: Tensor) -> Verdict:
        count, _, length = video.shape[:3]
        frames = video.transpose(1, 2).flatten(0, 1).float()
        scene = self.scene(frames)
        faces = self.identity(crop_heads(frames, scene.heads)).view(count, length, -1)
        seen = (scene.heads.visible > 0).view(count, length)
        cosines = (faces * self.embed(reference.float())[:, None]).sum(-1) * seen
        role, setting = (
            v.softmax(-1).view(count, length, -1).mean(1) for v in (scene.role, scene.setting)
        )
        return Verdict(
            role.argmax(1),
            setting.argmax(1),
            self.scene.judge_action(scene, count).argmax(1),
            seen.float().mean(1),
            cosines.mean(1),
            cosines.sum(1) / seen.sum(1),
        )
