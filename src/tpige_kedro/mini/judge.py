"""The benchmark's judge at work. It is kept out of training, selection and scoring, so that its verdict is independent."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from tpige_kedro.mini.networks.attribute_reader import (
    HEAD_MARGIN,
    HEAD_SIDE,
    AttributeReader,
)
from tpige_kedro.mini.networks.checkpoint import load_network
from tpige_kedro.mini.networks.face_encoders import SqueezeFaceEncoder
from tpige_kedro.mini.networks.face_locator import Heads, crop_heads
from tpige_kedro.mini.networks.judge import SceneJudge
from tpige_kedro.networks.devices import pick_device


class Verdict(NamedTuple):
    """One row a clip, on the CPU. Each (n,): numbers of role, setting and action; the share of frames with a visible face; the
    similarity to the reference, mean over all frames where an unseen face counts 0, and over the frames with a face (NaN without);
    how much the face changes within the clip, 1 - the mean cosine of any two frames with a face (NaN with fewer than two).

    ``role_p`` (n, 10), ``setting_p`` (n, 7), ``action_p`` (n, 6): probabilities, mean over the frames or of the whole clip.
    ``attributes``: name -> probabilities (n, values), mean over the frames with a visible face, zeros where there is none; empty
    if the judge has no network for them.
    """

    role: Tensor
    setting: Tensor
    action: Tensor
    face_rate: Tensor
    similarity: Tensor
    similarity_when_seen: Tensor
    spread: Tensor
    role_p: Tensor
    setting_p: Tensor
    action_p: Tensor
    attributes: dict[str, Tensor]


class MiniJudge:
    """``source`` holds ``identity`` and ``scene``; ``attributes``, if given, the network that reads facial attributes.

    Needs torch and safetensors only. Raises :class:`~tpige_kedro.errors.ModelError` if a checkpoint is missing.
    """

    def __init__(
        self,
        source: str | Path,
        device: str | torch.device | None = None,
        attributes: str | Path | None = None,
    ) -> None:
        self.device = pick_device(device)
        self.identity = load_network(SqueezeFaceEncoder, Path(source) / "identity", self.device)
        self.scene = load_network(SceneJudge, Path(source) / "scene", self.device)
        self.attributes = (
            None if attributes is None else load_network(AttributeReader, attributes, self.device)
        )

    @torch.inference_mode()
    def __call__(self, videos: Tensor, references: Tensor, batch: int = 64) -> Verdict:
        """Judge clips (n, 3, T, 80, 80) in [-1, 1] against reference pictures (n, 3, 80, 80)."""
        parts = [
            self._judge(video.to(self.device), reference.to(self.device))
            for video, reference in zip(videos.split(batch), references.split(batch), strict=True)
        ]
        return _joined(parts)

    def embed(self, images: Tensor) -> Tensor:
        """Unit vectors (n, 128) of the heads in pictures (n, 3, 80, 80), whether or not the face is seen."""
        vectors: Tensor = self.identity(crop_heads(images, self.scene(images).heads))
        return vectors

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
        action = self.scene.judge_action(scene, count).softmax(-1)
        return Verdict(
            role.argmax(1),
            setting.argmax(1),
            action.argmax(1),
            seen.float().mean(1),
            cosines.mean(1),
            cosines.sum(1) / seen.sum(1),
            face_spread(faces, seen),
            role,
            setting,
            action,
            self._read_attributes(frames, scene.heads, seen),
        )

    def _read_attributes(self, frames: Tensor, heads: Heads, seen: Tensor) -> dict[str, Tensor]:
        """Probabilities (n, values) from the frames of n clips in order; ``seen`` (n, T) says where a face is."""
        if self.attributes is None:
            return {}
        logits = self.attributes(crop_heads(frames, heads, HEAD_SIDE, HEAD_MARGIN))
        weights = (seen / seen.sum(1, keepdim=True).clamp(min=1))[..., None]
        return {
            name: (values.softmax(-1).view(*seen.shape, -1) * weights).sum(1)
            for name, values in logits.items()
        }


def face_spread(faces: Tensor, seen: Tensor) -> Tensor:
    """1 - the mean cosine of any two frames where ``seen`` (n, T); unit vectors (n, T, D) -> (n,), NaN with fewer than two."""
    kept = faces.double() * seen[..., None]
    n = seen.sum(1).double()
    pairs = n * (n - 1)
    alike = kept.sum(1).square().sum(-1) - kept.square().sum((1, 2))
    return torch.where(pairs > 0, 1 - alike / pairs.clamp(min=1), torch.nan).float()


def _joined(parts: list[Verdict]) -> Verdict:
    *columns, attributes = zip(*parts, strict=True)
    read = {name: torch.cat([part[name] for part in attributes]).cpu() for name in attributes[0]}
    return Verdict._make((*(torch.cat(column).cpu() for column in columns), read))
