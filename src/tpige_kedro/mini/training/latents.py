"""The training set as the video transformers see it: latents, loss weights and token ids."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from tpige_kedro.mini.training.codec import LatentCodec
from tpige_kedro.mini.training.pool import Pool, face_box, to_floats
from tpige_kedro.mini.training.text import build_tokenizer, tokenize

FACE_WEIGHT = 2.0  # how much more a latent cell of a face counts


@dataclass
class Latents:
    """Clips first, then stills, as in :class:`.pool.Pool`; f = 5 latent frames of a clip, h = w = 10.

    clips (n, 16, f, h, w), stills (m, 16, 1, h, w), references (n + m, 16, 1, h, w), all bf16;
    clip_weights (n, f, h, w), still_weights (m, 1, h, w); tokens (n + m, L) int16; kind (n + m,);
    gray (1, 16, f, h, w), gray_still and white (1, 16, 1, h, w): what "nothing given" looks like to the autoencoder.
    """

    clips: Tensor
    stills: Tensor
    references: Tensor
    clip_weights: Tensor
    still_weights: Tensor
    tokens: Tensor
    kind: Tensor
    gray: Tensor
    gray_still: Tensor
    white: Tensor

    def save(self, path: Path) -> None:
        """Write all tensors to one file."""
        torch.save({name: value.cpu() for name, value in vars(self).items()}, path)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> Latents:
        """Read what :meth:`save` wrote."""
        return cls(**torch.load(path, map_location=device, weights_only=True))


@torch.no_grad()
def encode_pool(pool: Pool, codec: LatentCodec) -> Latents:
    """Encode everything once."""
    device, size, frames = pool.clips.device, pool.clips.shape[-1], pool.clips.shape[1]

    def encode(pictures: Tensor, batch: int) -> Tensor:
        parts = []
        for start in range(0, len(pictures), batch):
            video = to_floats(pictures[start : start + batch])
            video = video.transpose(1, 2) if video.ndim == 5 else video[:, :, None]
            parts.append(codec.encode(video).bfloat16())
        return torch.cat(parts)

    blank = torch.zeros(1, 3, frames, size, size, device=device)
    tokens = tokenize(build_tokenizer(), pool.captions)
    return Latents(
        clips=encode(pool.clips, 200),
        stills=encode(pool.stills, 1000),
        references=encode(pool.references, 1000),
        clip_weights=_clip_weights(pool.clip_poses, size // 8),
        still_weights=1 + FACE_WEIGHT * _boxes(pool.still_poses[:, None], size // 8),
        tokens=tokens.to(device, torch.int16),
        kind=pool.kind,
        gray=codec.encode(blank),
        gray_still=codec.encode(blank[:, :, :1]),
        white=codec.encode(blank[:, :, :1] + 1),
    )


def _boxes(poses: Tensor, cells: int) -> Tensor:
    """The share of each latent cell that a face covers: (n, T, cells, cells)."""
    return F.avg_pool2d(face_box(poses, 2 * cells), 2)


def _clip_weights(poses: Tensor, cells: int, batch: int = 2000) -> Tensor:
    """Latent frame 0 holds one frame, every other one the mean of four."""
    parts = []
    for chunk in poses.split(batch):
        boxes = _boxes(chunk, cells)
        later = boxes[:, 1:].unflatten(1, (-1, 4)).mean(2)
        parts.append((1 + FACE_WEIGHT * torch.cat([boxes[:, :1], later], 1)).bfloat16())
    return torch.cat(parts)
