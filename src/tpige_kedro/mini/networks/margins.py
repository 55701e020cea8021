"""Margin losses of face recognition: classify the person on the sphere, with a handicap for the right one.

Each takes the cosines (n, people) between embeddings and class vectors and the right person (n,), and returns logits for
the cross entropy. They are needed in training only.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PeopleClassifier(nn.Module):
    """One unit vector per training person; returns the cosines (n, people) of embeddings (n, width)."""

    def __init__(self, people: int, width: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(people, width) * 0.05)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Cosines, kept off ±1 where the angle has no gradient."""
        cosines = embeddings.float() @ F.normalize(self.centres, dim=-1).T
        return cosines.clamp(-0.999, 0.999)


def shifted_cosine(cosine: Tensor, margin: float) -> Tensor:
    """``cos(theta + margin)`` from ``cos(theta)``."""
    sine = (1 - cosine.square()).clamp(min=0).sqrt()
    return cosine * math.cos(margin) - sine * math.sin(margin)


def arcface_logits(cosines: Tensor, person: Tensor, margin: float, scale: float = 28.0) -> Tensor:
    """``s cos(theta_y + m)`` for the right person, ``s cos(theta_j)`` for the others (Deng et al. 2019, Eq. 3)."""
    right = shifted_cosine(cosines.gather(1, person[:, None]), margin)
    return cosines.scatter(1, person[:, None], right) * scale


def cosface_logits(cosines: Tensor, person: Tensor, margin: float, scale: float = 28.0) -> Tensor:
    """``s (cos(theta_y) - m)`` for the right person (Wang et al. 2018, Eq. 4)."""
    right = cosines.gather(1, person[:, None]) - margin
    return cosines.scatter(1, person[:, None], right) * scale


class CurricularLogits(nn.Module):
    """CurricularFace (Huang et al. 2020, Eq. 10-12): ArcFace whose hard negatives gain weight as training advances.

    A negative is hard when its cosine exceeds ``cos(theta_y + m)``; it becomes ``cos_j (t + cos_j)``, where ``t`` is the
    moving average of the right cosines: near zero at first, so that easy examples lead.
    """

    t: Tensor

    def __init__(self, scale: float = 28.0, momentum: float = 0.99) -> None:
        super().__init__()
        self.scale = scale
        self.momentum = momentum
        self.register_buffer("t", torch.zeros(()))

    def forward(self, cosines: Tensor, person: Tensor, margin: float) -> Tensor:
        """Logits (n, people) for the cross entropy."""
        right = cosines.gather(1, person[:, None])
        with torch.no_grad():
            self.t.lerp_(right.mean(), 1 - self.momentum)
        target = shifted_cosine(right, margin)
        reweighted = torch.where(cosines > target, cosines * (self.t + cosines), cosines)
        return reweighted.scatter(1, person[:, None], target) * self.scale
